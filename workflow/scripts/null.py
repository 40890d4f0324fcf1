from flystage.core.records import read_json, write_json
from flystage.core.tables import read_history
from flystage.dataset.manifests import read_stages
from flystage.jobs.crossval import null_run, recipe_of_run
from flystage.jobs.held_out import Images
from flystage.run.rule_log import rule_log

with rule_log(snakemake.log[0], snakemake.input):
    params, files, threads = snakemake.params, snakemake.input, snakemake.threads
    images = Images.of_run(dict(files.items()), params.cache, threads, params.views, params.angles)
    recipe = recipe_of_run(params.model, params.train, read_json(files.best), read_history(files.history))
    record = null_run(
        images, read_stages(files.stages), recipe, params.folds or "auto", params.top_k, threads, params.training_only
    )
    write_json(record, snakemake.output.record)
