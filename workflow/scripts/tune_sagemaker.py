from flystage.cloud import learning
from flystage.rulelog import rule_log
from flystage.tables import write_json

with rule_log(snakemake.log[0]):
    params = snakemake.params
    # `aws` and `hardware` are no parameters: where and how fast a job runs reruns nothing.
    workers = snakemake.config["hardware"]["workers"]
    job = learning.job_of(dict(snakemake.input.items()), dict(params.items()), {}, params.tune["epochs"], workers)
    records = learning.tune(job, snakemake.config["aws"], params.tune | {"trials": len(snakemake.output.record)})
    for record, path in zip(records, snakemake.output.record, strict=True):
        write_json(record, path)
