from flystage import launching, tuning
from flystage.rulelog import rule_log
from flystage.tables import write_json

with rule_log(snakemake.log[0]):
    trial, params = int(snakemake.wildcards.trial), snakemake.params
    settings = tuning.trial_settings(trial, params.tune["learning_rate"], params.tune["batch_size"])
    job = launching.job_of(
        dict(snakemake.input.items()),
        dict(params.items()),
        snakemake.config["hardware"],
        settings,
        params.tune["epochs"],
        snakemake.threads,
        params.resume and f"{params.resume}/trial_{trial}",
    )
    history = launching.run_job(
        job, snakemake.config["hardware"]["processes"], nodes=snakemake.resources.get("nodes", 1)
    )
    write_json(tuning.trial_record(trial, settings, history), snakemake.output.record)
