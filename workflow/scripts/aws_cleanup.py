from flystage.cloud.endpoint import clean_up
from flystage.run.rule_log import rule_log

with rule_log(snakemake.log[0], snakemake.input):
    clean_up(snakemake.config["aws"], f"{snakemake.config['results']}/.endpoint.json")
