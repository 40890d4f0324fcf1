from flystage.cloud.cleanup import clean_up
from flystage.rulelog import rule_log

with rule_log(snakemake.log[0]):
    clean_up(snakemake.config["aws"])
