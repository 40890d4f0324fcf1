from flystage.rulelog import rule_log
from flystage.tables import read_json, write_json
from flystage.tuning import best_trial

with rule_log(snakemake.log[0]):
    write_json(best_trial([read_json(path) for path in snakemake.input.trials]), snakemake.output.best)
