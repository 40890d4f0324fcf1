from flystage.core.records import read_json, write_json
from flystage.jobs.tuning import best_trial
from flystage.run.rule_log import rule_log

with rule_log(snakemake.log[0], snakemake.input):
    write_json(best_trial([read_json(path) for path in snakemake.input.trials]), snakemake.output.best)
