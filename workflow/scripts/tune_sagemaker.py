from flystage.cloud import learning
from flystage.core.records import write_json
from flystage.jobs.training_job import TrainingJob
from flystage.run.rule_log import rule_log

with rule_log(snakemake.log[0], snakemake.input):
    params, records = snakemake.params, snakemake.output.record
    # `aws` and `hardware` are not parameters, because where and how fast a job runs does not change its result.
    workers = snakemake.config["hardware"]["workers"]
    inputs, params_of_job = dict(snakemake.input.items()), dict(params.items())
    job = TrainingJob.of_rule(
        inputs, params_of_job, {}, params.tune["epochs"], threads=learning.THREADS, workers=workers
    )
    tuned = learning.tune(
        job, snakemake.config["aws"], params.tune | {"trials": len(records)}, snakemake.config["model"]["backbone"]
    )
    for record, path in zip(tuned, records, strict=True):
        write_json(record, path)
