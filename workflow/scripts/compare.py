from flystage import comparing, figures
from flystage.rulelog import rule_log
from flystage.tables import read_stages, write_csv

with rule_log(snakemake.log[0]):
    params, files = snakemake.params, snakemake.input
    stages, minutes = read_stages(files.stages)
    table = comparing.comparison(files.validation, files.folds, params.variants, stages, minutes, params.top_k)
    write_csv(table, snakemake.output.table)
    figures.comparison(table, min(params.top_k), snakemake.output.figure)
    comparing.write_page(
        table, params.top_k, params.note, snakemake.output.figure, files.template, snakemake.output.page
    )
