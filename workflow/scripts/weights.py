from flystage.network.weights import fetch_weights
from flystage.run.rule_log import rule_log

with rule_log(snakemake.log[0]):
    fetch_weights(snakemake.params.name, snakemake.params.source, snakemake.params.seed, snakemake.output.backbone)
