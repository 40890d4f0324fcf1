# What the terminal says: a line for each job, a mistake as one sentence, at the end what came of it.
# What Snakemake itself says, with its reasons and lists of files, is in its log (.snakemake/log), in a dry run and with --verbose.
import time

from snakemake.exceptions import WorkflowError

from flystage.report import essence
from flystage.run import terminal

Mistake = type(terminal.MISTAKE, (WorkflowError,), {"__doc__": "Its text is written for the user."})
STARTED_AT = time.monotonic()


def folder_of_benchmarks():
    return f"{config['results']}/benchmarks"


def what_is_there():
    """For a run that has nothing to do: where its report is."""
    page = f"{config['results']}/report.html"
    asked_for_more = any(map(asked_for, ("predict", "compare", "export")))
    return [f"Report: {page}"] if os.path.exists(page) and not asked_for_more else []


def wants_whole_log(settings):
    """Whether the command line asks for everything that Snakemake has to say."""
    return settings.dryrun or settings.verbose or settings.debug_dag


TERMINAL = None
if workflow.is_main_process:
    TERMINAL = terminal.speak_plainly(
        logger, folder_of_benchmarks, what_is_there, wants_whole_log(workflow.output_settings)
    )


def what_came_of_it():
    """The last words of a run that did what was asked, about what it made."""
    rules_run = {job.rule.name for job in workflow.dag.needrun_jobs(exclude_finished=False)}
    results, told = config["results"], []
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
