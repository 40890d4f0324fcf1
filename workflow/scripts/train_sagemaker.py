from flystage.cloud import learning
from flystage.core.records import read_json
from flystage.dataset.white import with_white
from flystage.jobs.training_job import TrainingJob
from flystage.run.rule_log import rule_log

with rule_log(snakemake.log[0], snakemake.input):
    params, output = snakemake.params, snakemake.output
    best = read_json(snakemake.input.best)
    # `aws` and `hardware` are not parameters, because where and how fast a job runs does not change its result.
    workers = snakemake.config["hardware"]["workers"]
    inputs, params_of_job = dict(snakemake.input.items()), dict(params.items())
    params_of_job["image"] = with_white(params.image, snakemake.config)
    epochs = params.train["epochs"] if params.validated else min(best["best_epoch"], params.train["epochs"])
    machine = {"threads": learning.THREADS, "workers": workers, "validated": params.validated}
    job = TrainingJob.of_rule(inputs, params_of_job, best, epochs, **machine)
    backbone = snakemake.config["model"]["backbone"]
    learning.train(job, snakemake.config["aws"], backbone, output.checkpoint, output.history)
