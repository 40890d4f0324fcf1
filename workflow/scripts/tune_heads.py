from flystage.core.records import write_json
from flystage.jobs.training_job import TrainingJob
from flystage.jobs.trials import run_trials
from flystage.run.rule_log import rule_log

with rule_log(snakemake.log[0], snakemake.input):
    params, paths = snakemake.params, snakemake.output.record
    job = TrainingJob.of_rule(dict(snakemake.input.items()), dict(params.items()), {}, params.tune["epochs"])
    records = run_trials(
        job, params.tune, len(paths), f"{params.cache}/trials", snakemake.threads, params.training_only
    )
    for record, path in zip(records, paths, strict=True):
        write_json(record, path)
