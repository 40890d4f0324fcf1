"""Tuning and training on SageMaker: the same records and files as locally."""

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
    """Records of all trials of one tuning job, as `tuning.trial_record` makes them locally, in the order of their start.

    job: a TrainingJob; its hyperparameters are chosen by SageMaker. aws, tune_settings: the configuration's sections. backbone:
    name of the network. Raises FlystageError with one sentence for whatever AWS refuses or a job's failure.
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
            f"SageMaker: the tuning job ended after {len(summaries)} of {trials} trials; look at it in the console and run again."
        )
    records = [_record(account, trial, summary) for trial, summary in enumerate(summaries[:trials])]
    if all(record["epochs"] == 0 for record in records):
        raise FlystageError(
            f"SageMaker: every trial failed, the last because {summaries[-1].get('FailureReason', 'of what its log shows')}; mend"
            " it and run again."
        )
    return records


def train(job, aws, backbone, checkpoint, history):
    """Train on SageMaker and fetch the checkpoint and the history (CSV) to these paths. job, aws, backbone: see `tune`."""
    place = aws["train"]
    sdk.announce("training", place, wait_hours=aws["spot_wait_hours"])
    account = Account(aws)
    check_bucket(account)
    with tempfile.TemporaryDirectory() as scratch:
        packed = packing.packed_learning(account, job, Path(scratch))
        name, uri = sdk.run_training(account, "train", "training/train.py", backbone, packed, place, resumable=True)
    log.info("fetching %s", uri)
    if storage.fetch_members(account, uri, {"checkpoint.pt": checkpoint, "history.csv": history}) is None:
        raise FlystageError(f"SageMaker: the result of training job {name} is gone from the bucket; run again.")


def _record(account, trial, summary):
    """The record of one trial: its settings as SageMaker chose them, and its history."""
    name = summary["TrainingJobName"]
    chosen = summary["TunedHyperParameters"]
    settings = {"learning_rate": float(chosen["learning_rate"]), "batch_size": int(float(chosen["batch_size"]))}
    description = sdk.describe_trial(account, summary)
    artifacts = description.get("ModelArtifacts", {}).get("S3ModelArtifacts")
    found = storage.fetch_members(account, artifacts, {"history.csv": None}) if artifacts else None
    if found is None:  # the tuner goes on without a trial that fails, and so do we
        reason = " ".join(str(description.get("FailureReason", "no reason given")).split())
        log.warning("SageMaker: trial %d (%s) ended as %s: %s", trial, name, summary["TrainingJobStatus"], reason)
        for line in end_of_log(account, name):
            log.info("%s", line)
        return {"trial": trial, **settings, "val_loss": None, "val_top1": None, "best_epoch": None, "epochs": 0}
    rows = csv.DictReader(io.StringIO(found["history.csv"].decode()))
    history = [{key: int(value) if key == "epoch" else float(value) for key, value in row.items()} for row in rows]
    return tuning.trial_record(trial, settings, history)
