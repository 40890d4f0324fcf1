# The terminal: one line per job, errors as plain sentences, and a summary at the end.
# Snakemake's own messages are in its log (.snakemake/log), in a dry run and with --verbose.
import time

from snakemake.exceptions import WorkflowError

from flystage.report import essence
from flystage.run import nameless, slurm, standard_error, terminal

Mistake = type(terminal.MISTAKE, (WorkflowError,), {"__doc__": "An error whose text is for the user."})
STARTED_AT = time.monotonic()


def folder_of_benchmarks():
    return f"{config['results']}/benchmarks"


def what_is_there():
    """Return a line with the path of the report, for a run that has nothing to do."""
    page = f"{config['results']}/report.html"
    asked_for_more = any(map(asked_for, ("predict", "compare", "export")))
    return [f"Report: {page}"] if os.path.exists(page) and not asked_for_more else []


def is_asked_for_all():
    return targets() <= {"all"} and not workflow.dag_settings.until


def wants_whole_log(settings):
    """Return whether the command line asks for all of Snakemake's messages."""
    return settings.dryrun or settings.verbose or settings.debug_dag


TERMINAL = None
standard_error.open_standard_error()
nameless.settle()  # also without profiles/default, which does it earlier
if workflow.is_main_process:
    TERMINAL = terminal.speak_plainly(
        logger, folder_of_benchmarks, what_is_there, wants_whole_log(workflow.output_settings)
    )


def tell_of_refusals():
    """Let the terminal say why Slurm does not take a job, and do not try again what cannot succeed.

    Snakemake drops the reason for jobs that are submitted together.
    """
    executor = workflow.scheduler._executor
    report_error = executor.print_job_error

    def tell(job_info, msg=None, **kwargs):
        of_rules = {job.rule for job in getattr(job_info.job, "jobs", [job_info.job])}
        try:
            refusal = slurm.refusal(msg, [each.name for each in of_rules])
        except Exception:  # Snakemake must hear of the job's end in any case, or it waits forever
            refusal = None
        if refusal and not refusal.passing:
            for each in of_rules:
                each.restart_times = 0
        if refusal and TERMINAL:
            with TERMINAL.refused(refusal.sentence):
                report_error(job_info, msg=msg, **kwargs)
        else:
            report_error(job_info, msg=msg, **kwargs)

    executor.print_job_error = tell


def what_came_of_it():
    """Return the summary at the end of a successful run."""
    jobs = {*workflow.dag.needrun_jobs(exclude_finished=False), *workflow.dag.finished_jobs}
    rules_run = {job.rule.name for job in jobs}
    results, told = config["results"], []
    if is_asked_for_all() and "dataset" in rules_run and rules_run <= {"prepare", "dataset", "weights"}:
        told += [
            "The pictures are the same as before, so nothing that uses them ran again.",
            *what_is_there(),
        ]
    if "compare" in rules_run:
        told.append(essence.essence_of_comparison(results))
    if "predict" in rules_run:
        told.append(essence.essence_of_prediction(results))
    if "export" in rules_run:
        told.append(f"For other programs: {results}/model/stager.onnx, {results}/model/stager.zip")
    if rules_run & {"all", "report"}:
        told.append(essence.essence_of_run(results, config["note"]))
    return "\n".join([f"Done in {terminal.duration(time.monotonic() - STARTED_AT)}.", *told])


onsuccess:
    logger.info(what_came_of_it())


onerror:
    if TERMINAL:
        logger.info(TERMINAL.end_of_failure(log))
