from flystage.core.records import read_json
from flystage.core.tables import read_predictions
from flystage.dataset.manifests import read_stages
from flystage.evaluation import metrics
from flystage.report import crossval_figures
from flystage.report.report_page import write_report
from flystage.run.rule_log import rule_log

with rule_log(snakemake.log[0], snakemake.input):
    params, output = snakemake.params, snakemake.output
    files = dict(snakemake.input.items()) | params.null | {"template": params.template}
    stages = read_stages(files["stages"])
    crossval = read_json(files["crossval"]) if "crossval" in files else {}
    predictions = read_predictions(files["crossval_table" if crossval.get("crossval") else "predictions"])
    confusion, curve = metrics.confusion_matrix(predictions, stages), metrics.top_k_curve(predictions, stages)
    drawn = crossval_figures.draw(crossval, predictions, confusion, curve, stages, output.figures)
    write_report(files, drawn, params.config, output.page, output.methods)
