from flystage import evaluation, figures
from flystage.rulelog import rule_log
from flystage.tables import read_predictions, read_stages, write_json

with rule_log(snakemake.log[0]):
    predictions = read_predictions(snakemake.input.predictions)
    stages, minutes = read_stages(snakemake.input.stages)
    figures.confusion(evaluation.confusion_matrix(predictions, stages), stages, snakemake.output.confusion)
    figures.top_k(evaluation.top_k_curve(predictions, stages), snakemake.output.top_k)
    write_json(evaluation.metrics(predictions, stages, minutes, snakemake.params.top_k), snakemake.output.metrics)
