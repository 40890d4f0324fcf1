"""One piece of work, one job, however often it is asked for."""

import pytest
from botocore.exceptions import ClientError

from flystage.cloud import attempts
from flystage.cloud.account import Account
from flystage.core.errors import FlystageError


class FakeKind:
    """Jobs by name and their statuses; one that is started completes, or does as `fate` says."""

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
        ends = {"InProgress": self.fate, "Stopping": "Stopped"}  # when it is asked for again
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
def test_work_is_done_once(statuses, started, taken):
    kind = FakeKind(Account({"poll": 0.001}), **statuses)
    name, description = attempts.done(kind, "job", kind.start)
    assert (kind.started, name, description["status"]) == (started, taken, "Completed")


@pytest.mark.parametrize("statuses", [{"job": "Stopping"}, {"job": "Failed", "job_2": "Stopping"}])
def test_a_job_that_is_stopping_is_waited_for_and_no_second_one_is_paid_for(statuses):
    kind = FakeKind(Account({"poll": 0.001}), **statuses)
    with pytest.raises(FlystageError, match="ended as Stopped: why; mend"):
        attempts.done(kind, "job", kind.start)
    assert not kind.started and "Stopping" not in {job["status"] for job in kind.jobs.values()}


def test_a_result_that_is_gone_is_made_again():
    kind = FakeKind(Account({"poll": 0.001}), job="Completed")
    assert attempts.done(kind, "job", kind.start, usable=lambda description: False)[0] == "job-2"


def test_a_failing_job_is_told(caplog):
    kind = FakeKind(Account({"poll": 0.001}), fate="Failed")
    with pytest.raises(
        FlystageError, match="training job job ended as Failed: it broke; mend what its log shows and run again"
    ):
        attempts.done(kind, "job", kind.start)
    assert "the end of its log" in caplog.text
