from flystage.cloud.scoring import score_by_endpoint
from flystage.evaluation import predictions_table
from flystage.rulelog import rule_log
from flystage.tables import read_manifest, write_csv

with rule_log(snakemake.log[0]):
    manifest = read_manifest(snakemake.input.manifest)
    # `aws` is no parameter: where a job runs changes nothing about its result, and reruns nothing.
    scores = score_by_endpoint(
        snakemake.input.checkpoint,
        manifest["png"].tolist(),
        snakemake.config["aws"],
        f"{snakemake.config['results']}/.endpoint.json",
    )
    table = predictions_table(manifest, scores["probabilities"], scores["stages"], scores["minutes"])
    write_csv(table, snakemake.output.predictions)
