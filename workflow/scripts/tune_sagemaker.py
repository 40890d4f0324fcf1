from flystage.cloud import learning
from flystage.rulelog import rule_log
from flystage.tables import write_json

with rule_log(snakemake.log[0]):
    params = snakemake.params
    job = learning.job_of(dict(snakemake.input.items()), dict(params.items()), {}, params.tune["epochs"])
    # `aws` is no parameter: where a job runs changes nothing about its result, and reruns nothing.
    records = learning.tune(job, snakemake.config["aws"], params.tune | {"trials": len(snakemake.output.record)})
    for record, path in zip(records, snakemake.output.record, strict=True):
        write_json(record, path)
