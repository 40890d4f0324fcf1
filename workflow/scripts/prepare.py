from flystage.images.preparing import prepare_bucket
from flystage.run.rule_log import rule_log

with rule_log(snakemake.log[0], snakemake.input):
    prepare_bucket(
        snakemake.params.rows,
        snakemake.params.split,
        snakemake.params.image,
        snakemake.params.angles,
        snakemake.output.pngs,
        snakemake.output.table,
    )
