from flystage.network.features import write_split_vectors
from flystage.network.weights import load_weights
from flystage.run.rule_log import rule_log

with rule_log(snakemake.log[0], snakemake.input):
    backbone = load_weights(snakemake.input.backbone)
    for split in ("train", "val"):
        write_split_vectors(
            snakemake.input[split], backbone, snakemake.params.cache, snakemake.threads, snakemake.output[split]
        )
