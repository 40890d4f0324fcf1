from flystage.cloud import learning
from flystage.rulelog import rule_log
from flystage.tables import read_json

with rule_log(snakemake.log[0]):
    params, output = snakemake.params, snakemake.output
    best = read_json(snakemake.input.best)
    # `aws` and `hardware` are no parameters: where and how fast a job runs reruns nothing.
    workers = snakemake.config["hardware"]["workers"]
    job = learning.job_of(dict(snakemake.input.items()), dict(params.items()), best, params.train["epochs"], workers)
    learning.train(job, snakemake.config["aws"], output.checkpoint, output.history)
