from flystage import launching
from flystage.rulelog import rule_log
from flystage.tables import read_json

with rule_log(snakemake.log[0]):
    params, output = snakemake.params, snakemake.output
    job = launching.job_of(
        dict(snakemake.input.items()),
        dict(params.items()),
        snakemake.config["hardware"],
        read_json(snakemake.input.best),
        params.train["epochs"],
        snakemake.threads,
        params.resume,
    )
    launching.run_job(
        job,
        snakemake.config["hardware"]["processes"],
        output.checkpoint,
        output.history,
        snakemake.resources.get("nodes", 1),
    )
