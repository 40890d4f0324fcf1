"""Tuning and training on SageMaker, with the same records and files as locally."""

import csv
import io
import logging
import tempfile
from pathlib import Path

from flystage.cloud import packing, sdk, storage
from flystage.cloud.account import Account, check_bucket
from flystage.cloud.logs import end_of_log
from flystage.core.errors import FlystageError
from flystage.jobs import tuning

log = logging.getLogger("flystage")
THREADS = 4  # of a job's process on a CPU


def tune(job, aws, tune_settings, backbone):
    """Return the records of all trials of one tuning job in the order of their start, as `tuning.trial_record` makes them locally.

    job: a TrainingJob. SageMaker chooses its hyperparameters. aws, tune_settings: the configuration's sections. backbone: name of
    the network. Raises FlystageError with a one-line message if AWS refuses a request or the job fails.
    """
    place, trials = aws["tune"], tune_settings["trials"]
    sdk.announce("tuning", place, trials, min(place["parallel"], trials), aws["spot_wait_hours"])
    account = Account(aws)
    check_bucket(account)
    with tempfile.TemporaryDirectory() as scratch:
        packed = packing.packed_learning(account, job, Path(scratch))
        summaries = sdk.run_tuning(account, backbone, packed, tune_settings, job.recipe.train["seed"], place)
    if len(summaries) < trials:
        raise FlystageError(
            f"SageMaker: the tuning job ended after {len(summaries)} of {trials} trials. Look for the reason in the SageMaker"
            " console and run the same command again."
        )
    records = [_record(account, trial, summary) for trial, summary in enumerate(summaries[:trials])]
    if all(record["epochs"] == 0 for record in records):
        raise FlystageError(
            f"SageMaker: every trial failed. Reason of the last one: {summaries[-1].get('FailureReason', 'see its log')}. Fix the"
            " problem and run the same command again."
        )
    return records


def train(job, aws, backbone, checkpoint, history):
    """Train on SageMaker and download the checkpoint and the history (CSV) to these paths. job, aws, backbone: see `tune`.

    Raises FlystageError if AWS refuses a request, the job fails or its result is missing.
    """
    place = aws["train"]
    sdk.announce("training", place, wait_hours=aws["spot_wait_hours"])
    account = Account(aws)
    check_bucket(account)
    with tempfile.TemporaryDirectory() as scratch:
        packed = packing.packed_learning(account, job, Path(scratch))
        name, uri = sdk.run_training(account, "train", "training/train.py", backbone, packed, place, resumable=True)
    log.info("fetching %s", uri)
    if storage.fetch_members(account, uri, {"checkpoint.pt": checkpoint, "history.csv": history}) is None:
        raise FlystageError(
            f"SageMaker: the result of training job {name} is missing from the bucket. Run the same command again."
        )


def _record(account, trial, summary):
    """Return the record of one trial: the settings that SageMaker chose, and its history."""
    name = summary["TrainingJobName"]
    chosen = summary["TunedHyperParameters"]
    settings = {"learning_rate": float(chosen["learning_rate"]), "batch_size": int(float(chosen["batch_size"]))}
    description = sdk.describe_trial(account, summary)
    artifacts = description.get("ModelArtifacts", {}).get("S3ModelArtifacts")
    found = storage.fetch_members(account, artifacts, {"history.csv": None}) if artifacts else None
    if found is None:  # a failed trial does not end the tuning job, so it does not end the rule either
        reason = " ".join(str(description.get("FailureReason", "no reason given")).split())
        log.warning("SageMaker: trial %d (%s) ended as %s: %s", trial, name, summary["TrainingJobStatus"], reason)
        for line in end_of_log(account, name):
            log.info("%s", line)
        return {"trial": trial, **settings, "val_loss": None, "val_top1": None, "best_epoch": None, "epochs": 0}
    rows = csv.DictReader(io.StringIO(found["history.csv"].decode()))
    history = [{key: int(value) if key == "epoch" else float(value) for key, value in row.items()} for row in rows]
    return tuning.trial_record(trial, settings, history)
