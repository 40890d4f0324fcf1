from flystage import figures
from flystage.rulelog import rule_log
from flystage.tables import read_history, read_json

with rule_log(snakemake.log[0]):
    trials = [read_json(path) for path in snakemake.input.trials]
    figures.tuning(trials, read_json(snakemake.input.best)["trial"], snakemake.output.tuning)
    figures.training_curve(read_history(snakemake.input.history), snakemake.output.curve)
