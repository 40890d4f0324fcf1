"""Split embryos into folds, and classify every embryo by a network that did not train on it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from flystage.core.errors import FlystageError
from flystage.core.tables import write_csv
from flystage.dataset.manifests import read_manifest, read_stages
from flystage.evaluation.metrics import predictions_table
from flystage.jobs.launching import run_job
from flystage.network.averaging import averaged
from flystage.network.checkpoint import load_checkpoint
from flystage.prediction.inference import stage_probabilities
from flystage.training.head import HeadInputs, load_vectors, train_head


def folds_of(embryos, folds):
    """Assign whole embryos to folds with about the same number of images. Return {embryo: fold, from 0}.

    embryos: of each image, in any order. The largest embryo comes first, and each goes to the fold with the fewest
    images.
    """
    counts = pd.Series(embryos).value_counts()
    filled, fold_of = np.zeros(folds), {}
    for embryo in sorted(counts.index, key=lambda embryo: (-counts[embryo], embryo)):
        fold_of[embryo] = int(filled.argmin())
        filled[fold_of[embryo]] += counts[embryo]
    return fold_of


def scored(manifest, training_only):
    """Return which rows of a manifest may count in figures, bool array (rows,).

    These are the rows whose stages do not come from reviewed suggestions.
    training_only: origins of stages (see `Label`) that are only for training. Figures from them would favour the
    network that suggested them.
    """
    return ~manifest["origin"].isin(training_only).to_numpy()


def predictions_by_fold(splits, asked, stages, recipe, folds, training_only=(), parts=1):
    """Classify the unrotated, `scored` images, each by a head trained without its fold. Return a `predictions_table`.

    splits: (path of vectors, path of manifest) of each split to use. asked: vectors of the views of the unrotated images, in the
    order of the manifests, array (views, images, features). stages: the Stages. recipe: see `Recipe`. folds: 3 or
    more, but at most one per embryo. Each fold is classified by a head that trained on all others for the epochs of the recipe.
    parts: see `evened`. Raises FlystageError with fewer than three embryos.
    """
    loaded = [load_vectors(*split) for split in splits]
    vectors, labels = (torch.cat(parts) for parts in zip(*loaded, strict=True))
    manifest = pd.concat([read_manifest(path) for _, path in splits], ignore_index=True)
    measured_by = scored(manifest, training_only)
    folds = min(folds, manifest.loc[measured_by, "embryo"].nunique())
    if folds < 3:
        raise FlystageError(
            f"Cross-validation needs at least three embryos, but training and validation have {folds}. Set compare.folds to 0."
        )
    fold_of = folds_of(manifest.loc[measured_by, "embryo"], folds)
    fold = manifest["embryo"].map(fold_of).to_numpy()  # embryos with NaN train in all folds
    unrotated = (manifest["angle"] == 0).to_numpy()
    tables = []
    for number in tqdm(range(folds), unit="fold", disable=None):
        staged, trains = unrotated & measured_by & (fold == number), fold != number
        inputs = HeadInputs.of((vectors[trains], labels[trains]), None, recipe.train["seed"], parts)
        head, _ = train_head(inputs, stages, recipe)
        with torch.inference_mode():
            views = torch.from_numpy(asked[:, staged[unrotated]])
            probabilities = averaged(head.eval()(views)).numpy()
        tables.append(predictions_table(manifest[staged], probabilities, stages))
    return pd.concat(tables, ignore_index=True)


def predictions_of_whole_network(job, manifests, number, folds, views, folder, training_only=(), **launched):
    """Classify the unrotated images of one fold by a whole network. Return a `predictions_table` with png.

    job: the TrainingJob of the run, with chosen hyperparameters. manifests: of the splits to use. number, folds: fold
    of `folds_of` and number of folds. The next fold chooses the epoch. views: see `turns_to_ask`. folder: for
    temporary files.
    training_only: see `scored`. launched: processes and nodes, see `run_job`.
    The table is empty with fewer than three embryos, or if the fold has no embryo.
    """
    every = pd.concat([read_manifest(path) for path in manifests], ignore_index=True)
    unrotated = every["angle"] == 0
    measured_by = unrotated & scored(every, training_only)
    folds = min(folds, every.loc[measured_by, "embryo"].nunique())
    fold = every["embryo"].map(folds_of(every.loc[measured_by, "embryo"], folds))
    staged, stages = every[measured_by & (fold == number)], read_stages(job.stages)
    if folds < 3 or staged.empty:
        staged, probabilities = staged.iloc[:0], np.empty((0, len(stages)))
    else:
        chosen_by, folder = (number + 1) % folds, Path(folder)
        parts = {"train": every[~fold.isin([number, chosen_by])], "val": every[measured_by & (fold == chosen_by)]}
        for split, part in parts.items():
            write_csv(part, folder / f"{split}.csv")
        paths = {f"{split}_manifest": str(folder / f"{split}.csv") for split in parts}
        job = replace(job, **paths, train_vectors=None, val_vectors=None)
        run_job(job, checkpoint=folder / "network.pt", history_path=folder / "history.csv", **launched)
        network = load_checkpoint(folder / "network.pt")
        probabilities = stage_probabilities(network, staged["png"].tolist(), folder, job.threads, views)
    table = predictions_table(staged, probabilities, stages)
    table.insert(0, "png", staged["png"].to_numpy())
    return table
