"""Run all trials of a head in one job, with shared imports and vectors, and cache each result."""

import hashlib
import json
import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from flystage.core.records import read_json, write_json
from flystage.dataset.manifests import read_manifest, read_stages
from flystage.jobs.execution import contents
from flystage.jobs.folds import folds_of, scored
from flystage.jobs.side_by_side import side_by_side
from flystage.jobs.tuning import record_by_embryo, trial_settings
from flystage.network.weights import load_weights
from flystage.run.code_versions import code_version
from flystage.training.head import HeadInputs, load_vectors, train_layers

log = logging.getLogger("flystage")
# Folds for tune.folds: auto, up to this number of embryos. With more, the validation split has enough.
FOLDS, FEW = 5, 48


def run_trials(job, tune, trials, cache_folder, processes, training_only=()):
    """Run the trials with numbers 0 to `trials` - 1 and return their records, a list, see `record_by_embryo`.

    job: a TrainingJob with vectors. Its hyperparameters are ignored. tune: section of the configuration. With folds, a
    head scores each fold of embryos of both splits after training on the others, and the record has "folds".
    cache_folder: keeps the record of each finished trial, so that a kill loses only unfinished trials and more trials
    run only the new ones. You may delete it at any time. processes: number of trials at the same time on a CPU.
    training_only: see `scored`.
    """
    stages = read_stages(job.stages)
    train, val = load_vectors(job.train_vectors, job.train_manifest), load_vectors(job.val_vectors, job.val_manifest)
    fold, measured_by, embryos = _folds(job, tune["folds"], training_only)
    parts = load_weights(job.backbone)["parts"]
    scoring = [fold.tolist(), measured_by.tolist(), embryos[measured_by].tolist()]
    version = [contents(job, train, val), *scoring, parts, code_version(__file__)]
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
    inputs = _inputs(train, val, fold, measured_by, job.recipe.train["seed"], parts)
    held_out = np.concatenate([embryos[measured_by & (fold == number)] for number in range(len(inputs))])
    labels = np.concatenate([each.val[1].numpy() for each in inputs])

    def run(trial):
        probabilities = np.concatenate([_held_out(each, stages, recipes[trial]) for each in inputs])
        settings = recipes[trial].hyperparameters | {"epochs": recipes[trial].epochs}
        record = record_by_embryo(trial, settings, probabilities, labels, held_out)
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


def _folds(job, folds, training_only):
    """Return the fold of each image of both splits, -1 for none; which images score trials; and their embryos, arrays (images,).

    folds: the setting. "auto" means FOLDS up to FEW embryos, or if no validation image may score, else 0. With 0, only the
    validation images have a fold.
    """
    manifests = [read_manifest(path) for path in (job.train_manifest, job.val_manifest)]
    both = pd.concat(manifests, ignore_index=True)
    measured_by = (both["angle"] == 0).to_numpy() & scored(both, training_only)
    number = both.loc[measured_by, "embryo"].nunique()
    if folds == "auto":
        folds = 0 if number > FEW and measured_by[len(manifests[0]) :].any() else FOLDS
    if folds and number > 1:
        fold = both["embryo"].map(folds_of(both.loc[measured_by, "embryo"], min(folds, number))).fillna(-1).astype(int)
        return fold.to_numpy(), measured_by, both["embryo"].to_numpy()
    fold = np.repeat([-1, 0], [len(manifest) for manifest in manifests])
    if not (measured_by & (fold == 0)).any():
        measured_by = (both["angle"] == 0).to_numpy()  # only reviewed labels are there to choose by
    return fold, measured_by, both["embryo"].to_numpy()


def _inputs(train, val, fold, measured_by, seed, parts):
    """Return the HeadInputs of each fold: train on the images of no fold or of others, validate on those that score."""
    vectors, labels = (torch.cat(sets) for sets in zip(train, val, strict=True))
    rows = [(fold != number, measured_by & (fold == number)) for number in range(fold.max() + 1)]
    return [HeadInputs.of(*((vectors[part], labels[part]) for part in sets), seed, parts) for sets in rows]


def _held_out(inputs, stages, recipe):
    """Train a head to its last epoch. Return its probabilities of the images that score it, float64 array (images, stages)."""
    _, layers, _ = train_layers(replace(inputs, val=None), stages, recipe)
    with torch.inference_mode():
        scores = layers.eval()(inputs.val[0].to(next(layers.parameters()).device))
    return torch.softmax(scores.double(), dim=-1).cpu().numpy()
