from flystage.core.records import read_json
from flystage.dataset.white import with_white
from flystage.jobs.launching import run_job
from flystage.jobs.training_job import TrainingJob
from flystage.run.rule_log import rule_log

with rule_log(snakemake.log[0], snakemake.input):
    params, output, hardware = snakemake.params, snakemake.output, snakemake.config["hardware"]
    best = read_json(snakemake.input.best)
    job = TrainingJob.of_rule(
        dict(snakemake.input.items()),
        dict(params.items()) | {"image": with_white(params.image, snakemake.config)},
        best,
        params.train["epochs"] if params.validated else min(best["best_epoch"], params.train["epochs"]),
        threads=snakemake.threads,
        workers=hardware["workers"],
        resume=params.resume,
        validated=params.validated,
    )
    run_job(job, hardware["processes"], output.checkpoint, output.history, snakemake.resources.get("nodes", 1))
