import sys

from flystage.run.rule_log import rule_log
from flystage.run.suggestion import suggested_settings

with rule_log(snakemake.log[0], snakemake.input):
    print(suggested_settings(snakemake.config), file=sys.stderr)
