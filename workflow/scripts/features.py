from flystage.features import write_split_vectors
from flystage.rulelog import rule_log
from flystage.weights import load_weights

with rule_log(snakemake.log[0]):
    backbone = load_weights(snakemake.input.backbone)
    for split in ("train", "val"):
        write_split_vectors(
            snakemake.input[split], backbone, snakemake.params.cache, snakemake.threads, snakemake.output[split]
        )
