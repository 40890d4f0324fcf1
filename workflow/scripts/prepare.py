from flystage.dataset.white import with_white
from flystage.images.preparing import prepare_bucket
from flystage.run.rule_log import rule_log

with rule_log(snakemake.log[0], snakemake.input):
    prepare_bucket(
        snakemake.params.rows,
        snakemake.params.split,
        with_white(snakemake.params.image, snakemake.config),
        snakemake.params.angles,
        snakemake.output.pngs,
        snakemake.output.table,
    )
