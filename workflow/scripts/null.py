from flystage.core.records import write_json
from flystage.dataset.manifests import read_stages
from flystage.jobs.crossval import fixed_recipe, null_run
from flystage.jobs.held_out import Images
from flystage.run.rule_log import rule_log

with rule_log(snakemake.log[0], snakemake.input):
    params, files, threads = snakemake.params, snakemake.input, snakemake.threads
    images = Images.of_run(dict(files.items()), params.cache, threads, params.views, params.angles, params.adapt)
    recipe = fixed_recipe(params.model, params.train, params.tune)
    record = null_run(
        images, read_stages(files.stages), recipe, params.folds or "auto", params.top_k, threads, params.training_only
    )
    write_json(record, snakemake.output.record)
