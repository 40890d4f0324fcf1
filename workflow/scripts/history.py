from datetime import date

from flystage.core.tables import read_runs, read_text, write_csv
from flystage.dataset.manifests import read_stages
from flystage.evaluation.run_history import add_run
from flystage.report import figures
from flystage.run.rule_log import rule_log

with rule_log(snakemake.log[0], snakemake.input):
    files, output = snakemake.input, snakemake.output
    tables = {"test": files.predictions, "crossval": files.get("crossval_table")}
    tables = {way: path for way, path in tables.items() if path}
    catalog, stages = read_text(files.catalog), read_stages(files.stages)
    write_csv(add_run(tables, catalog, stages, snakemake.params.kept, date.today().isoformat()), output.table)
    figures.runs(read_runs(output.table), stages.unit, output.figure)
