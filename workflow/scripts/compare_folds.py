from flystage.core.tables import read_json, write_csv
from flystage.dataset.manifests import read_stages
from flystage.jobs.folds import predictions_by_fold
from flystage.run.rule_log import rule_log
from flystage.training.recipe import Recipe

with rule_log(snakemake.log[0]):
    params, files = snakemake.params, snakemake.input
    recipe = Recipe.of(params.model, params.train, read_json(files.best), params.train["epochs"])
    splits = [(files.train_vectors, files.train_manifest), (files.val_vectors, files.val_manifest)]
    write_csv(
        predictions_by_fold(splits, read_stages(files.stages), recipe, params.folds), snakemake.output.predictions
    )
