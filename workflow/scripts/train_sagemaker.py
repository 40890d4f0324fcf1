from flystage.cloud import learning
from flystage.rulelog import rule_log
from flystage.tables import read_json

with rule_log(snakemake.log[0]):
    params, output = snakemake.params, snakemake.output
    best = read_json(snakemake.input.best)
    job = learning.job_of(dict(snakemake.input.items()), dict(params.items()), best, params.train["epochs"])
    # `aws` is no parameter: where a job runs changes nothing about its result, and reruns nothing.
    learning.train(job, snakemake.config["aws"], output.checkpoint, output.history)
