"""Start each piece of work once: take the result of a finished job, join a running one, repeat a failed one under a new name.

A job's name is `flystage-<what>-<checksum of everything that determines its result>`. Later attempts end in -2, -3 and so on.
A rerun finds its earlier job by this name, so that you never pay twice for the same work.
"""

import logging
import time

from botocore.exceptions import ClientError

from flystage.cloud.account import explained, not_found
from flystage.cloud.logs import LogStream, end_of_log
from flystage.core.errors import FlystageError

log = logging.getLogger("flystage")
RUNNING = ("InProgress", "Stopping")


class TrainingKind:
    """The calls and fields of SageMaker for training jobs."""

    noun = "training job"

    def __init__(self, account):
        self.account = account

    def describe(self, name):
        return self.account.sagemaker.describe_training_job(TrainingJobName=name)

    def status(self, description):
        return description["TrainingJobStatus"]

    def progress(self, description):
        return description.get("SecondaryStatus", "")

    def follower(self, name):
        return LogStream(self.account, name)

    def end_of_log(self, name, description):
        return end_of_log(self.account, name)

    def how_to_stop(self, name):
        return f"aws sagemaker stop-training-job --training-job-name {name}"


class TuningKind:
    """The calls and fields of SageMaker for hyperparameter tuning jobs."""

    noun = "tuning job"

    def __init__(self, account):
        self.account = account

    def describe(self, name):
        return self.account.sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)

    def status(self, description):
        return description["HyperParameterTuningJobStatus"]

    def progress(self, description):
        counts = description.get("TrainingJobStatusCounters", {})
        return ", ".join(f"{number} {name}" for name, number in counts.items() if number)

    def follower(self, name):
        return None

    def trials(self, name):
        """Return the summaries of the trials' training jobs in the order in which they started."""
        with explained(f"listing the trials of {name}"):
            pages = self.account.sagemaker.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job").paginate(
                HyperParameterTuningJobName=name, SortBy="CreationTime", SortOrder="Ascending"
            )
            return [summary for page in pages for summary in page["TrainingJobSummaries"]]

    def end_of_log(self, name, description):
        failed = [trial for trial in self.trials(name) if trial["TrainingJobStatus"] == "Failed"]
        if not failed:
            return []
        trial = failed[-1]["TrainingJobName"]
        return [f"trial {trial}: {_reason(failed[-1])}", *end_of_log(self.account, trial)]

    def how_to_stop(self, name):
        return f"aws sagemaker stop-hyper-parameter-tuning-job --hyper-parameter-tuning-job-name {name}"


def done(kind, base, start, usable=lambda description: True):
    """Return (name, description) of a completed job of this base name. Start it or wait for it if necessary.

    kind: a TrainingKind or TuningKind. start(name): starts a job of that name. It is called at most once, and only if no job
    of this base name is finished or running. usable(description): whether the result of a finished job still exists.
    Raises FlystageError with the reason, after logging the end of the job's log, if the job fails or is stopped.
    """
    name, description = base, _described(kind, base)
    attempt = 1
    while description is not None and (later := _described(kind, f"{base}-{attempt + 1}")) is not None:
        attempt += 1
        name, description = f"{base}-{attempt}", later
    status = kind.status(description) if description else None
    if status == "Completed" and usable(description):
        log.warning("SageMaker: %s %s is already finished. flystage uses its result", kind.noun, name)
        return name, description
    if status in RUNNING:
        log.warning("SageMaker: %s %s is already running. flystage waits for it", kind.noun, name)
    else:
        if status == "Completed":
            log.warning(
                "SageMaker: the result of %s %s is missing from the bucket. flystage repeats the job", kind.noun, name
            )
        elif status:
            log.warning("SageMaker: the last attempt %s ended as %s: %s", name, status, _reason(description))
            for line in kind.end_of_log(name, description):
                log.info("%s", line)
        if status:
            name = f"{base}-{attempt + 1}"
        log.warning("SageMaker: starting %s %s", kind.noun, name)
        with explained(f"starting {kind.noun} {name}"):
            start(name)
    return name, _waited_for(kind, name)


def _described(kind, name):
    """Return the description of a job, or None if the job does not exist."""
    with explained(f"asking for {kind.noun} {name}"):
        try:
            return kind.describe(name)
        except ClientError as error:
            if not_found(error):
                return None
            raise


def _waited_for(kind, name):
    """Wait for the end of a job and copy its log into ours. Return its description if it completed.

    Raises FlystageError if the job fails, is stopped or disappears.
    """
    follower, last = kind.follower(name), None
    try:
        while True:
            description = _described(kind, name)
            if description is None:
                raise FlystageError(f"SageMaker: {kind.noun} {name} no longer exists. Run the same command again.")
            status, progress = kind.status(description), kind.progress(description)
            if (status, progress) != last:
                log.info("%s %s: %s%s", kind.noun, name, status, f" ({progress})" if progress else "")
                last = status, progress
            if follower:
                follower.tell()
            if status not in RUNNING:
                break
            time.sleep(kind.account.settings["poll"])
    except KeyboardInterrupt:
        log.warning("SageMaker: %s %s still runs. Run the same command again to wait for it, or stop it with `%s`.",
                    kind.noun, name, kind.how_to_stop(name))  # fmt: skip
        raise
    if status != "Completed":
        for line in kind.end_of_log(name, description):
            log.error("%s", line)
        raise FlystageError(
            f"SageMaker: {kind.noun} {name} ended as {status}: {_reason(description)}. Fix the problem that its log shows and run"
            " the same command again. flystage then repeats the job under a new name."
        )
    return description


def _reason(description):
    return " ".join(str(description.get("FailureReason") or "no reason given").split()).rstrip(".")
