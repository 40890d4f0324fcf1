from flystage.core.records import read_json, write_json
from flystage.core.tables import read_predictions
from flystage.dataset.manifests import read_stages
from flystage.evaluation import metrics
from flystage.report import figures
from flystage.run.rule_log import rule_log

with rule_log(snakemake.log[0], snakemake.input):
    predictions = read_predictions(snakemake.input.predictions)
    stages = read_stages(snakemake.input.stages)
    figures.confusion(metrics.confusion_matrix(predictions, stages), stages, snakemake.output.confusion)
    figures.top_k(metrics.top_k_curve(predictions, stages), snakemake.output.top_k)
    crossval = snakemake.input.get("crossval")
    top_k, alone = snakemake.params.top_k, snakemake.input.get("alone")
    figures_of_run = metrics.metrics(predictions, stages, top_k)
    figures_of_run["alone"] = alone and metrics.metrics(read_predictions(alone), stages, top_k)
    write_json(
        metrics.with_crossval(figures_of_run, crossval and read_json(crossval)),
        snakemake.output.metrics,
    )
