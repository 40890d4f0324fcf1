"""Tests that each piece of work is paid for once: jobs are found again, joined or repeated."""

import pytest
from botocore.exceptions import ClientError

from flystage.cloud import attempts
from flystage.cloud.account import Account
from flystage.core.errors import FlystageError


class FakeKind:
    """Jobs with statuses by name. A job that is started ends with the status `fate`."""

    noun = "training job"

    def __init__(self, account, fate="Completed", **statuses):
        self.account, self.fate = account, fate
        self.jobs = {
            name.replace("_", "-"): {"status": status, "FailureReason": "why."} for name, status in statuses.items()
        }
        self.started = []

    def describe(self, name):
        if name not in self.jobs:
            error = {"Code": "ValidationException", "Message": f"Could not find training job {name}"}
            raise ClientError({"Error": error}, "DescribeTrainingJob")
        description = dict(self.jobs[name])
        ends = {"InProgress": self.fate, "Stopping": "Stopped"}  # at the next call
        self.jobs[name]["status"] = ends.get(description["status"], description["status"])
        return description

    def start(self, name):
        self.started.append(name)
        self.jobs[name] = {"status": "InProgress", "FailureReason": "it broke"}

    def status(self, description):
        return description["status"]

    def progress(self, description):
        return ""

    def follower(self, name):
        return None

    def end_of_log(self, name, description):
        return ["the end of its log"]

    def how_to_stop(self, name):
        return f"stop {name}"


@pytest.mark.parametrize(
    ("statuses", "started", "taken"),
    [
        ({}, ["job"], "job"),
        ({"job": "Completed"}, [], "job"),
        ({"job": "InProgress"}, [], "job"),
        ({"job": "Failed"}, ["job-2"], "job-2"),
        ({"job": "Failed", "job_2": "Stopped"}, ["job-3"], "job-3"),
        ({"job": "Failed", "job_2": "Completed"}, [], "job-2"),
        ({"job": "Failed", "job_2": "InProgress"}, [], "job-2"),
    ],
)
def test_a_job_is_started_only_if_none_is_finished_or_running(statuses, started, taken):
    kind = FakeKind(Account({"poll": 0.001}), **statuses)
    name, description = attempts.done(kind, "job", kind.start)
    assert (kind.started, name, description["status"]) == (started, taken, "Completed")


@pytest.mark.parametrize("statuses", [{"job": "Stopping"}, {"job": "Failed", "job_2": "Stopping"}])
def test_a_stopping_job_is_waited_for_and_no_second_one_starts(statuses):
    kind = FakeKind(Account({"poll": 0.001}), **statuses)
    with pytest.raises(FlystageError, match=r"training job job\b.*\bStopped: why\."):
        attempts.done(kind, "job", kind.start)
    assert not kind.started and "Stopping" not in {job["status"] for job in kind.jobs.values()}


def test_a_missing_result_starts_the_job_again():
    kind = FakeKind(Account({"poll": 0.001}), job="Completed")
    assert attempts.done(kind, "job", kind.start, usable=lambda description: False)[0] == "job-2"


def test_a_failing_job_gives_its_reason_and_the_end_of_its_log(caplog):
    kind = FakeKind(Account({"poll": 0.001}), fate="Failed")
    with pytest.raises(FlystageError, match=r"training job job\b.*\bFailed: it broke\."):
        attempts.done(kind, "job", kind.start)
    assert "the end of its log" in caplog.text
