from flystage.core.records import read_json
from flystage.network.checkpoint import calibrate_checkpoint
from flystage.run.rule_log import rule_log

with rule_log(snakemake.log[0], snakemake.input):
    crossval = snakemake.input.get("crossval")
    calibrate_checkpoint(snakemake.input.trained, crossval and read_json(crossval), snakemake.output.checkpoint)
