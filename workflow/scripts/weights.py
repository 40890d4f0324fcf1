from flystage.network.weights import fetch_weights
from flystage.run.rule_log import rule_log

with rule_log(snakemake.log[0]):
    params = snakemake.params
    fetch_weights(params.name, params.source, params.seed, snakemake.output.backbone, params.size)
