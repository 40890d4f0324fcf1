from flystage.core.tables import write_csv
from flystage.dataset.manifests import read_stages
from flystage.evaluation import comparing
from flystage.report import figures
from flystage.run.rule_log import rule_log

with rule_log(snakemake.log[0], snakemake.input):
    params, files = snakemake.params, snakemake.input
    stages = read_stages(files.stages)
    table = comparing.comparison(files.validation, files.folds, params.variants, stages, params.top_k)
    write_csv(table, snakemake.output.table)
    figures.comparison(table, min(params.top_k), stages.unit, snakemake.output.figure)
    comparing.write_page(
        table, stages.unit, params.top_k, params.note, snakemake.output.figure, params.template, snakemake.output.page
    )
