from flystage.core.tables import write_csv
from flystage.network.checkpoint import load_checkpoint, stages_of
from flystage.prediction.review_page import about_checkpoint, write_review_page
from flystage.prediction.unlabelled import prepare_unlabelled, suggest_stages
from flystage.run.rule_log import rule_log

with rule_log(snakemake.log[0], snakemake.input):
    params = snakemake.params
    checkpoint = load_checkpoint(params.checkpoint)
    prepared = prepare_unlabelled(params.paths, checkpoint["image"], params.images)
    table = suggest_stages(prepared, checkpoint, params.top_k, params.views, params.cache, snakemake.threads)
    about = about_checkpoint(params.checkpoint, checkpoint)
    write_review_page(table, {}, stages_of(checkpoint), about, params.template, snakemake.output.page)
    write_csv(table.drop(columns="png"), snakemake.output.table)
