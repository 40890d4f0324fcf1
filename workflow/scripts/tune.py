from flystage.core.records import write_json
from flystage.jobs import tuning
from flystage.jobs.launching import run_job
from flystage.jobs.training_job import TrainingJob
from flystage.run.rule_log import rule_log

with rule_log(snakemake.log[0], snakemake.input):
    trial, params, hardware = int(snakemake.wildcards.trial), snakemake.params, snakemake.config["hardware"]
    settings = tuning.trial_settings(trial, params.tune["learning_rate"], params.tune["batch_size"])
    job = TrainingJob.of_rule(
        dict(snakemake.input.items()),
        dict(params.items()),
        settings,
        params.tune["epochs"],
        threads=snakemake.threads,
        workers=hardware["workers"],
        resume=params.resume and f"{params.resume}/trial_{trial}",
    )
    history = run_job(job, hardware["processes"], nodes=snakemake.resources.get("nodes", 1))
    write_json(tuning.trial_record(trial, settings, history), snakemake.output.record)
