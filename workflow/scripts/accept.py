import sys

from flystage.dataset.accepting import accept
from flystage.run.rule_log import rule_log

with rule_log(snakemake.log[0], snakemake.input):
    params = snakemake.params
    print("\n".join(accept(snakemake.config, params.catalog, params.folder, snakemake.threads)), file=sys.stderr)
