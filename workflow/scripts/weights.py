from flystage.core.records import write_json
from flystage.network.weights import fetch_weights
from flystage.run.rule_log import rule_log

with rule_log(snakemake.log[0], snakemake.input):
    params = snakemake.params
    about = fetch_weights(
        params.name, params.source, params.seed, snakemake.output.backbone, params.size, params.pooling
    )
    write_json(about, snakemake.output.about)
