from flystage.cloud.scoring import score_by_endpoint
from flystage.core.tables import write_csv
from flystage.dataset.manifests import read_manifest
from flystage.evaluation.metrics import predictions_table
from flystage.run.rule_log import rule_log

with rule_log(snakemake.log[0], snakemake.input):
    manifest = read_manifest(snakemake.input.manifest)
    # `aws` is not a parameter, because where a job runs does not change its result.
    stages, probabilities = score_by_endpoint(
        snakemake.input.checkpoint,
        manifest["png"].tolist(),
        snakemake.params.views,
        snakemake.config["aws"],
        snakemake.config["model"]["backbone"],
        f"{snakemake.config['results']}/.endpoint.json",
    )
    table = predictions_table(manifest, probabilities, stages)
    write_csv(table, snakemake.output.predictions)
