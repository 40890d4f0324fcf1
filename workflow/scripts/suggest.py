import sys

from flystage.dataset.suggestion import suggested_settings
from flystage.run.rule_log import rule_log

with rule_log(snakemake.log[0], snakemake.input):
    print(suggested_settings(snakemake.config), file=sys.stderr)
