from flystage.checkpoint import load_checkpoint
from flystage.evaluation import predictions_table
from flystage.inference import stage_probabilities
from flystage.rulelog import rule_log
from flystage.tables import read_manifest, write_csv

with rule_log(snakemake.log[0]):
    checkpoint = load_checkpoint(snakemake.input.checkpoint)
    manifest = read_manifest(snakemake.input.manifest)
    probabilities = stage_probabilities(checkpoint, manifest["png"].tolist(), snakemake.params.cache, snakemake.threads)
    table = predictions_table(manifest, probabilities, checkpoint["stages"], checkpoint["minutes"])
    write_csv(table, snakemake.output.predictions)
