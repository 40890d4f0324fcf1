from flystage.core.records import read_json
from flystage.core.tables import read_history
from flystage.report import figures
from flystage.run.rule_log import rule_log

with rule_log(snakemake.log[0], snakemake.input):
    trials = [read_json(path) for path in snakemake.input.trials]
    figures.tuning(trials, read_json(snakemake.input.best)["trial"], snakemake.output.tuning)
    figures.training_curve(read_history(snakemake.input.history), snakemake.output.curve)
