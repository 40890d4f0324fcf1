from flystage import prediction
from flystage.checkpoint import load_checkpoint
from flystage.rulelog import rule_log
from flystage.tables import write_csv

with rule_log(snakemake.log[0]):
    params = snakemake.params
    checkpoint = load_checkpoint(params.checkpoint)
    prepared = prediction.prepare_unlabelled(params.paths, checkpoint["image"], params.images)
    table = prediction.suggest_stages(prepared, checkpoint, params.top_k, params.cache, snakemake.threads)
    prediction.write_page(table, params.checkpoint, checkpoint, snakemake.input.template, snakemake.output.page)
    write_csv(table.drop(columns="png"), snakemake.output.table)
