from flystage.core.tables import write_csv
from flystage.network.checkpoint import load_checkpoint, stages_of
from flystage.prediction.caveats import (
    catalog_of,
    facts_of_some,
    note_stacks,
    warn_of_another_scale,
    warn_of_other_stages,
    warn_of_the_known,
)
from flystage.prediction.movies import frames_of_series, with_own_times
from flystage.prediction.occlusion import most_doubtful_covered
from flystage.prediction.review_page import about_checkpoint, write_review_page
from flystage.prediction.series import read_in_time, tempo_of_movies, usual_rates
from flystage.prediction.spreadsheet import write_xlsx
from flystage.prediction.teaching import with_teaching
from flystage.prediction.unlabelled import in_order, prepare_unlabelled, preprocessing, suggest_stages
from flystage.run.rule_log import rule_log

with rule_log(snakemake.log[0], snakemake.input):
    params, output = snakemake.params, snakemake.output
    checkpoint = load_checkpoint(params.checkpoint)
    stages, about = stages_of(checkpoint), about_checkpoint(params.checkpoint, checkpoint)
    prepared = prepare_unlabelled(params.paths, preprocessing(checkpoint, params.white), params.images)
    known, number = catalog_of(params.catalog), checkpoint["image"].get("series", "auto")
    facts = facts_of_some(prepared, number)
    warn_of_the_known(prepared, known)
    warn_of_another_scale(facts, known)
    note_stacks(facts, checkpoint["image"]["page"])
    warn_of_other_stages(stages, params.stages)
    series = frames_of_series(prepared, params.folders, params.name_pattern, params.series)
    table, probabilities = suggest_stages(
        prepared,
        checkpoint,
        params.top_k,
        params.views,
        params.cache,
        snakemake.threads,
        series.embryos if params.adapt else None,
    )
    series = with_own_times(series, prepared, number)
    usual = usual_rates(series, params.every, params.time_unit, stages)
    table, told = read_in_time(table, probabilities, series, stages, usual, output.series)
    table = in_order(table)
    write_csv(tempo_of_movies(told, stages, usual), output.movies)
    ranked = with_teaching(table, checkpoint, params.cache, snakemake.threads)
    looked = most_doubtful_covered(table, checkpoint, params.occluded, params.cache, snakemake.threads)
    write_review_page(ranked, told, looked, stages, about, params.template, output.page, params.folders)
    write_xlsx(table, output.spreadsheet)
    write_csv(table.drop(columns="png"), output.table)
