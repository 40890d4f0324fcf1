import sys

from flystage.core.errors import FlystageError
from flystage.dataset.earlier import last_catalog
from flystage.dataset.gathering import gather
from flystage.report.check_page import write_check_page
from flystage.run.look import look
from flystage.run.rule_log import rule_log

with rule_log(snakemake.log[0], snakemake.input):
    params, config = snakemake.params, snakemake.config
    data_set = gather(config, last_catalog(params.catalog))
    findings = look(config, data_set, per_stage=4, at_most=240)
    write_check_page(findings, data_set, config, params.template, params.page)
    warnings = [f"Warning: {warning}" for warning in findings.warnings]
    print("\n".join([*findings.lines, *warnings, f"Images of every stage: {params.page}"]), file=sys.stderr)
    if findings.faults:
        raise FlystageError(" ".join(findings.faults))
