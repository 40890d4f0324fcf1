from flystage.core.tables import read_json, write_csv
from flystage.dataset.manifests import read_stages, unrotated_pngs
from flystage.jobs.folds import predictions_by_fold
from flystage.network.features import turns_to_ask, vectors_of_views
from flystage.network.weights import load_weights
from flystage.run.rule_log import rule_log
from flystage.training.recipe import Recipe

with rule_log(snakemake.log[0]):
    params, files = snakemake.params, snakemake.input
    recipe = Recipe.of(params.model, params.train, read_json(files.best), params.train["epochs"])
    splits = [(files.train_vectors, files.train_manifest), (files.val_vectors, files.val_manifest)]
    pngs = unrotated_pngs([manifest for _, manifest in splits])
    turns = turns_to_ask(params.views, params.angles)
    asked = vectors_of_views(pngs, load_weights(files.backbone), params.cache, snakemake.threads, turns)
    table = predictions_by_fold(splits, asked, read_stages(files.stages), recipe, params.folds)
    write_csv(table, snakemake.output.predictions)
