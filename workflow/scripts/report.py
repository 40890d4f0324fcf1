from flystage.report.report_page import write_report
from flystage.run.rule_log import rule_log

with rule_log(snakemake.log[0], snakemake.input):
    write_report(
        dict(snakemake.input.items()) | {"template": snakemake.params.template},
        snakemake.params.config,
        snakemake.output.page,
    )
