"""Run all trials of a head in one job, with shared imports and vectors, and cache each result."""

import hashlib
import json
import logging
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from flystage.core.records import read_json, write_json
from flystage.dataset.manifests import read_manifest, read_stages
from flystage.jobs.execution import contents
from flystage.jobs.folds import folds_of
from flystage.jobs.side_by_side import side_by_side
from flystage.jobs.tuning import trial_record, trial_settings
from flystage.run.code_versions import code_version
from flystage.training.head import HeadInputs, load_vectors, train_head
from flystage.training.history import mean_history

log = logging.getLogger("flystage")


def run_trials(job, tune, trials, cache_folder, processes):
    """Run the trials with numbers 0 to `trials` - 1 and return their records, a list, see `trial_record`.

    job: a TrainingJob with vectors. Its hyperparameters are ignored. tune: section of the configuration. With folds, a
    head scores each fold of embryos of both splits after training on the others, and the record has "folds".
    cache_folder: keeps the record of each finished trial, so that a kill loses only unfinished trials and more trials
    run only the new ones. You may delete it at any time. processes: number of trials at the same time on a CPU.
    """
    stages = read_stages(job.stages)
    train, val = load_vectors(job.train_vectors, job.train_manifest), load_vectors(job.val_vectors, job.val_manifest)
    fold, unrotated = _folds(job, tune["folds"])
    version = [contents(job, train, val), fold.tolist(), code_version(__file__)]
    recipes, files = {}, {}
    for trial in range(trials):
        settings = trial_settings(trial, tune["learning_rate"], tune["batch_size"])
        recipes[trial] = job.recipe.with_hyperparameters(**settings)
        key = json.dumps([recipes[trial].record(), *version], sort_keys=True).encode()
        files[trial] = Path(cache_folder) / f"{hashlib.sha256(key).hexdigest()}.json"
    records = {trial: read_json(file) | {"trial": trial} for trial, file in files.items() if file.exists()}
    todo = [trial for trial in recipes if trial not in records]
    log.info("%d trials, %d of them known", trials, len(records))
    if not todo:
        return [records[trial] for trial in sorted(records)]
    inputs = _inputs(train, val, fold, unrotated, job.recipe.train["seed"])

    def run(trial):
        histories = [train_head(each, stages, recipes[trial])[1] for each in inputs]
        history = mean_history(histories, [len(each.val[1]) for each in inputs])
        record = trial_record(trial, recipes[trial].hyperparameters, history)
        record |= {"folds": len(inputs)} if len(inputs) > 1 else {}
        write_json(record, files[trial])
        return record

    todo.sort(key=lambda trial: recipes[trial].batch_size)  # small batches come first, because they take longest
    with tqdm(total=trials, initial=len(records), unit="trial", disable=None) as progress:
        for record in side_by_side(run, todo, processes):
            records[record["trial"]] = record
            log.info(
                "trial %(trial)d: learning rate %(learning_rate).3g, batch size %(batch_size)d, val_loss=%(val_loss)s",
                record,
            )
            progress.update()
    return [records[trial] for trial in sorted(records)]


def _folds(job, folds):
    """Return the fold of each image of both splits, and which images are unrotated, arrays (images,).

    With `folds` 0, the validation images are fold 0, and the training images have no fold (-1).
    """
    manifests = [read_manifest(path) for path in (job.train_manifest, job.val_manifest)]
    both = pd.concat(manifests)
    if folds:
        fold = both["embryo"].map(folds_of(both["embryo"], min(folds, both["embryo"].nunique()))).to_numpy()
    else:
        fold = np.repeat([-1, 0], [len(manifest) for manifest in manifests])
    return fold, (both["angle"] == 0).to_numpy()


def _inputs(train, val, fold, unrotated, seed):
    """Return the HeadInputs of each fold."""
    if fold.min() < 0:
        return [HeadInputs.of(train, val, seed)]
    vectors, labels = (torch.cat(parts) for parts in zip(train, val, strict=True))
    rows = [(fold != number, unrotated & (fold == number)) for number in range(fold.max() + 1)]
    return [HeadInputs.of(*((vectors[part], labels[part]) for part in parts), seed) for parts in rows]
