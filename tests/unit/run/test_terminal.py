"""The terminal shows a line for each job and one message for each user error, and hides other records of Snakemake."""

import io
import logging
import subprocess
import sys
from pathlib import Path

import pytest

import flystage
from flystage.run.terminal import (
    MISTAKE,
    STOPPED,
    Progress,
    Terminal,
    duration,
    errors_in,
    known_times,
    speak_plainly,
)

FAILED_SCRIPT = """RuleException:
CalledProcessError in file "/here/workflow/rules/learn.smk", line 44:
Command 'set -euo pipefail;  python train.py' {}."""


class Clock:
    now = 0

    def __call__(self):
        return self.now


class Said:
    """A terminal that gets records and returns what it shows."""

    def __init__(self, folder):
        self.clock = Clock()
        self.terminal = Terminal(
            io.StringIO(), lambda record, text: f"<{text}>", lambda: folder, lambda: ["Report: report.html"], self.clock
        )

    def __call__(self, msg, level=logging.INFO, **extra):
        """Return the lines that are shown for a record."""
        record = logging.LogRecord("snakemake.logging", level, "", 0, msg, (), None)
        record.__dict__.update(extra)
        before = len(self.terminal.stream.getvalue())
        self.terminal.handle(record)
        return self.terminal.stream.getvalue()[before:].splitlines()

    def job(self, job, rule="prepare", message="Preparing", output=("a.csv",)):
        return self(None, event="job_info", jobid=job, rule_name=rule, rule_msg=message, output=output)

    def error(self, job, rule="prepare", logs=("rule.log",), aux=None, indent=False, reason=None):
        return self(
            "Error in rule", logging.ERROR, event="job_error", jobid=job, rule_name=rule, rule_msg=reason,
            log=list(map(str, logs)), aux=aux or {}, indent=indent,
        )  # fmt: skip

    def script_failed(self, how):
        return self(FAILED_SCRIPT.format(how), logging.ERROR, event="error", exception="RuleException")


@pytest.fixture
def said(tmp_path):
    return Said(tmp_path)


def test_each_job_has_a_line_with_its_place_and_the_time_left(said):
    (first,) = said("Job stats", event="run_info", stats={"prepare": 3, "train": 1, "all": 1, "total": 5})
    assert first.startswith("4 jobs")
    assert said.job(7) == ["[1/4] Preparing"]
    said.clock.now = 30
    assert said("Finished", event="job_finished", job_id=7) == []
    assert said.job(8) == ["[2/4, at least 1 min left] Preparing"]  # the time of training is still unknown
    assert said("Trying to restart job 8.") == ["Trying again: Preparing"]
    assert said.job(8)[0].startswith("[2/4")
    assert said.job(0, "all", None, ()) == []


def test_the_time_left_comes_from_an_earlier_run(said, tmp_path):
    (tmp_path / "prepare").mkdir()
    for name, seconds in (("train", 7200), ("prepare/train-00", 20), ("prepare/val-01", 40)):
        (tmp_path / f"{name}.tsv").write_text(f"s\th:m:s\n{seconds}\t0:00:00\n")
    (tmp_path / "prepare/broken.tsv").write_text("s\n")
    assert known_times(tmp_path, ["prepare", "train", "report"]) == {"prepare": 30, "train": 7200}
    said("Job stats", event="run_info", stats={"prepare": 2, "train": 1, "total": 3})
    assert said.job(1) == ["[1/3, about 2 h 1 min left] Preparing"]


def test_parallel_jobs_shorten_the_time_left():
    progress = Progress({"prepare": 6}, {})
    for job in "ab":
        progress.begin(job, "prepare", 0)
    for job in "ab":
        progress.end(job, 60)
    progress.begin("c", "prepare", 60)
    assert progress.left(60) == "about 2 min left"


def test_chatter_is_hidden_and_unknown_messages_are_shown(said):
    for chatter in ("Select jobs to execute...", "Using shell: /usr/bin/bash", "Conda environments: ignored"):
        assert said(chatter) == []
    assert said("Execute 2 jobs...", event="job_started") == said(None, event="shellcmd") == []
    assert said("Creating conda environment envs/learn.yaml...") == ["Creating conda environment envs/learn.yaml..."]
    assert said("The split lock is gone.", logging.WARNING) == ["<The split lock is gone.>"]
    assert said("Nothing to be done (all is there).") == ["Nothing to be done (all is there).", "Report: report.html"]


def test_a_users_error_is_one_message(said):
    text = 'Mistake in file "/here/inputs.smk", line 29:\nThe folder raw does not exist.\n  File "/here/inputs.smk", line 9, in f'
    assert said(text, logging.ERROR, event="error", exception=MISTAKE) == ["<The folder raw does not exist.>"]
    other = 'WorkflowError in file "/here/inputs.smk", line 29:\nSomething of Snakemake.'
    assert said(other, logging.ERROR, event="error", exception="WorkflowError") == f"<{other}>".splitlines()


def test_a_failed_local_job_is_named_and_counted_at_the_end(said):
    said.job(4, "train", "Training")
    assert said.script_failed("returned non-zero exit status 1") == []
    assert said.error(4, "train") == ["<Failed: Training (rule train). Log: rule.log>"]
    assert said("Exiting because a job execution failed. Look above for error messages", logging.ERROR) == []
    final = "WorkflowError:\nAt least one job did not complete successfully."
    assert said(final, logging.ERROR, event="error", exception="WorkflowError") == []
    end = said.terminal.end_of_failure(["run.log"])
    assert end.startswith("1 job failed. ") and "run the same command again" in end and end.endswith("run.log")


@pytest.mark.parametrize("how", ["died with <Signals.SIGKILL: 9>", "returned non-zero exit status 137"])
def test_a_killed_job_is_named_with_a_possible_reason(said, how):
    said.script_failed(how)
    (line,) = said.error(4)
    assert "SIGKILL" in line and "memory" in line
    assert "SIGKILL" not in said.error(4)[0]  # only once


def test_a_job_that_succeeds_at_a_second_try_did_not_fail(said):
    said.error(4)
    said("Trying to restart job 4.")
    assert "failed" not in said.terminal.end_of_failure(["run.log"])


def test_ctrl_c_is_not_a_failure(said):
    assert said("Terminating processes on user request, this might take some time.") == ["Stopping ..."]
    said.script_failed("returned non-zero exit status 1")
    assert said.error(4) == []
    assert said.terminal.end_of_failure(["run.log"]) == STOPPED


def test_a_job_that_ctrl_c_ends_before_snakemake_is_not_shown(said):
    said.script_failed("died with <Signals.SIGINT: 2>")
    assert said.error(4) == []


def test_sigterm_lets_jobs_end_and_shows_those_that_fail(said):
    assert said("Will exit after finishing currently running jobs (scheduler).")[0].startswith("Stopping after")
    said.script_failed("returned non-zero exit status 1")
    assert len(said.error(4)) == 1
    assert said.terminal.end_of_failure(["run.log"]) == STOPPED


LOG = """2026-01-01 10:00:00,000 INFO 12 PNGs
2026-01-01 10:00:00,001 ERROR There is no image;
add one.
Traceback (most recent call last):
  File "a.py", line 1
KeyError: 1
2026-01-01 10:00:00,002 INFO peak memory 9 MiB
"""


def test_errors_of_a_job_on_a_node_are_read_from_its_log(said, tmp_path):
    (tmp_path / "rule.log").write_text(LOG)
    said.job(4, "train", "Training")
    assert errors_in([tmp_path / "rule.log", tmp_path / "none.log"]) == ["There is no image;", "add one."]
    shown = said.error(
        4, "train", [tmp_path / "rule.log"], aux={"external_jobid": "12"}, reason="SLURM-job '12' failed"
    )
    assert shown[:2] == ["<There is no image;", "add one."] and "Traceback" not in "".join(shown)
    assert len(shown) == 3 and shown[2].startswith("Failed: Training (rule train). Log: ")


def test_a_job_that_the_cluster_ended_shows_the_reason_and_its_log(said, tmp_path):
    (tmp_path / "slurm.log").write_text("\n".join(f"line {number}" for number in range(99)))
    reason = "SLURM-job '12' failed, SLURM status is: 'TIMEOUT'. For further error details see the cluster/cloud log."
    shown = said.error(4, logs=[tmp_path / "slurm.log"], aux={"external_jobid": "12"}, reason=reason)
    assert shown[0] == "<SLURM-job '12' failed, SLURM status is: 'TIMEOUT'." and shown[1] == "line 89"
    assert shown[10] == "line 98" and shown[11].startswith("Failed: ")


def test_of_jobs_submitted_together_only_the_failed_one_is_shown(said, tmp_path):
    (tmp_path / "good.log").write_text("2026-01-01 10:00:00,000 INFO 12 PNGs\n")
    (tmp_path / "bad.log").write_text(LOG)
    info = [{"jobid": job, "rule_name": "prepare", "log": [str(tmp_path / f"{job}.log")]} for job in ("good", "bad")]
    group = {"event": "group_error", "groupid": "g", "aux_logs": ["slurm.log"], "job_error_info": info}
    assert said("Error in group", logging.ERROR, **group) == []
    aux = {"external_jobid": "12"}
    assert said.error("good", logs=[tmp_path / "good.log"], aux=aux, indent=True) == []
    assert len(said.error("bad", logs=[tmp_path / "bad.log"], aux=aux, indent=True)) == 3
    (tmp_path / "bad.log").unlink()
    last = said("Error in group", logging.ERROR, **group)[-1]
    assert last.startswith("Failed: ") and "(rule prepare). Log: slurm.log" in last


def test_in_a_folder_that_may_only_be_read_the_reason_is_the_message(said):
    failed = {"event": "error", "exception": "ProtectedOutputException"}
    assert said("Write-protected output files", logging.ERROR, **failed) == ["<Write-protected output files>"]
    said.terminal.read_only = "You may not write there."
    assert said("Write-protected output files", logging.ERROR, **failed) == ["<You may not write there.>"]
    assert said("Failed to setup log file: [Errno 13]", logging.ERROR) == []


def test_a_job_that_slurm_refuses_names_no_log_of_an_earlier_run(said):
    said.job(4, "train", "Training")
    with said.terminal.refused("Slurm refuses the job."):
        assert said.error(4, "train") == ["<Slurm refuses the job.", "Failed: Training.>"]
    assert said.terminal.end_of_failure(["run.log"]).startswith("1 job failed.")
    assert "Log: rule.log" in said.error(4, "train")[0]  # a job that ran


def test_jobs_that_slurm_refuses_together_are_told_once(said):
    info = [{"jobid": job, "rule_name": "prepare", "log": ["old.log"]} for job in (5, 6)]
    with said.terminal.refused("Slurm refuses the job."):
        group = {"event": "group_error", "groupid": "g", "aux_logs": [], "job_error_info": info}
        shown = said("Error in group", logging.ERROR, **group)
        assert shown == ["<Slurm refuses the job.", "Failed: job 5 and 1 more.>"]
        assert said.error(5, indent=True) == said.error(6, indent=True) == []
    assert said.terminal.end_of_failure(["run.log"]).startswith("2 jobs failed.")


def test_snakemakes_filters_stay_and_a_dry_run_keeps_its_messages():
    logger = logging.Logger("like Snakemake's")
    handler = logging.StreamHandler(io.StringIO())
    handler.name, handler.decorate = "DefaultStreamHandler", lambda record, text: text
    handler.addFilter(lambda record: "quiet" not in str(record.msg))
    logger.addHandler(handler)
    hook = sys.excepthook
    assert speak_plainly(logger, lambda: "", list, whole=True) is None and logger.handlers == [handler]
    try:
        terminal = speak_plainly(logger, lambda: "", list, whole=False)
    finally:
        sys.excepthook = hook
    assert logger.handlers == [terminal]
    logger.info("be quiet")
    logger.info("said")
    assert handler.stream.getvalue() == "said\n"
    assert speak_plainly(logging.Logger("of a plugin"), lambda: "", list, whole=False) is None


def test_durations_are_short():
    assert [duration(seconds) for seconds in (0.2, 59, 61, 3570, 7800)] == [
        "1 s",
        "59 s",
        "1 min",
        "1 h 0 min",
        "2 h 10 min",
    ]


@pytest.mark.parametrize(("error", "shown"), [("KeyboardInterrupt", False), ("ValueError", True)])
def test_ctrl_c_during_imports_shows_no_traceback(error, shown):
    process = subprocess.run(
        [sys.executable, "-c", f"import flystage; raise {error}"],
        env={"PYTHONPATH": str(Path(flystage.__file__).parents[1]), "FLYSTAGE_RESULTS": "results"},
        capture_output=True,
        text=True,
    )
    assert process.returncode != 0 and ("Traceback" in process.stderr) == shown
