import pandas as pd

from flystage.core.records import read_json, write_json
from flystage.core.tables import read_predictions, write_csv
from flystage.dataset.manifests import read_stages
from flystage.jobs.crossval import cross_validate, fixed_recipe
from flystage.jobs.held_out import Images
from flystage.run.rule_log import rule_log
from flystage.training.recipe import Recipe

with rule_log(snakemake.log[0], snakemake.input):
    params, files, threads = snakemake.params, snakemake.input, snakemake.threads
    images = Images.of_run(dict(files.items()), params.cache, threads, params.views, params.angles, params.adapt)
    recipe = fixed_recipe(params.model, params.train, params.tune)
    if files.whole_networks:
        recipe = Recipe.of(params.model, params.train, read_json(files.best), params.train["epochs"])
    whole_networks = pd.concat(map(read_predictions, files.whole_networks)) if files.whole_networks else None
    table, record = cross_validate(
        images,
        read_stages(files.stages),
        recipe,
        params.folds,
        params.top_k,
        params.coverage,
        threads,
        whole_networks,
        params.training_only,
    )
    write_csv(table, snakemake.output.predictions)
    write_json(record, snakemake.output.record)
