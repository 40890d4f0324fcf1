from flystage.rulelog import rule_log
from flystage.weights import fetch_weights

with rule_log(snakemake.log[0]):
    fetch_weights(snakemake.params.name, snakemake.params.source, snakemake.params.seed, snakemake.output.backbone)
