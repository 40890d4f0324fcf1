"""Run one training job, from manifests to a trained network. Trials and the final training use it, here and on AWS.

As a program (python -m flystage.jobs.execution, also under torchrun), it reads a TrainingJob from a JSON file and
writes checkpoint.pt and history.csv. Its defaults are the folders of a SageMaker training job.
"""

import argparse
import copy
import hashlib
import json
import logging
import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from flystage.core.errors import FlystageError
from flystage.core.tables import write_history
from flystage.dataset.manifests import read_manifest, read_stages
from flystage.jobs.training_job import TrainingJob
from flystage.network.checkpoint import save_checkpoint
from flystage.network.features import feature_vectors
from flystage.network.weights import load_weights
from flystage.run.code_versions import code_version
from flystage.run.locks import at_work
from flystage.training.finetuning import finetune
from flystage.training.head import HeadInputs, load_vectors, train_head
from flystage.training.history import best_epoch, check_converged, joined
from flystage.training.offset_training import train_offset
from flystage.training.processes import process_group
from flystage.training.resuming import ResumePoint

log = logging.getLogger("flystage")


def learn(job):
    """Train the network of a TrainingJob. Return (backbone, head, history) for `write_model`, equal in every process.

    Raises FlystageError if a PNG is missing or damaged.
    """
    stages, backbone, recipe = read_stages(job.stages), load_weights(job.backbone), job.recipe
    with process_group(job.workers) as here:
        train = _vectors(job, job.train_manifest, job.train_vectors, backbone, here)
        val = _vectors(job, job.val_manifest, job.val_vectors, backbone, here)
        point = ResumePoint(job.resume, _key(job, backbone, train, val)) if job.resume else None
        if not job.validated:
            train, val = tuple(torch.cat(parts) for parts in zip(train, val, strict=True)), None
        inputs = HeadInputs.of(train, val, recipe.train["seed"], backbone["parts"])
        head, history = train_head(
            inputs,
            stages,
            recipe.of_head(),
            here if here.world > 1 else None,
            None if recipe.finetuned else point,
        )
        if not recipe.finetuned:
            settings = replace(recipe, epochs=best_epoch(history)["epoch"])
            head.offset = train_offset(inputs, *_embryos(job), stages, settings)
        if recipe.finetuned:
            torch.set_num_threads(job.threads)
            pictures = [
                (job.pngs(read_manifest(manifest)), labels)
                for manifest, (_, labels) in ((job.train_manifest, train), (job.val_manifest, val))
            ]
            *tuned, tuned_history = finetune(backbone, copy.deepcopy(head), *pictures, stages, recipe, here, point)
            before = best_epoch(history)["val_loss"]
            history = joined(history, tuned_history)
            if best_epoch(history)["val_loss"] < before:
                backbone, head = tuned
    return backbone, head, history


def write_model(job, backbone, head, history, checkpoint, history_path):
    """Write the trained network as a checkpoint, and the history. Raises FlystageError if training diverged."""
    check_converged(history, job.recipe.learning_rate)
    write_history(history, history_path)
    training = {
        "note": job.note,
        "settings": job.recipe.train,
        "best": job.recipe.hyperparameters,
        "epochs": len(history),
    }
    save_checkpoint(checkpoint, backbone, head, read_stages(job.stages), job.image, training)


def forget_resume_point(job):
    """Delete the resume point of the job. Call this once the result is stored."""
    if job.resume:
        ResumePoint(job.resume, "").forget()


def _vectors(job, manifest_path, vectors_path, backbone, here):
    """Return the vectors and labels of a split. Without a file of vectors, each process computes its share."""
    if vectors_path:
        return load_vectors(vectors_path, manifest_path)
    manifest = read_manifest(manifest_path)
    pngs = job.pngs(manifest)
    mine = pngs[here.rank :: here.world]
    shares = here.gathered(feature_vectors(mine, backbone, job.cache, job.threads) if mine else None)
    vectors = np.empty((len(pngs), shares[0].shape[1]), dtype=np.float32)
    for rank, share in enumerate(shares):
        if share is not None:
            vectors[rank :: here.world] = share
    return torch.from_numpy(vectors), torch.tensor(manifest["label"].to_numpy())


def _embryos(job):
    """Return (embryo, weight) of each training vector, arrays; the weights of one image sum to 1."""
    paths = [job.train_manifest] if job.validated else [job.train_manifest, job.val_manifest]
    rows = pd.concat(map(read_manifest, paths), ignore_index=True)
    of_embryo = rows.groupby("embryo")["angle"]
    return rows["embryo"].to_numpy(), (of_embryo.transform(lambda angles: (angles == 0).mean())).to_numpy()


def _key(job, backbone, train, val):
    """Return a checksum of everything that decides the result, so that resume points of other trainings are ignored."""
    decisive = [job.decisive(), backbone["id"], code_version(__file__), contents(job, train, val)]
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()


def contents(job, train, val):
    """Return a checksum of the job's stages, vectors and labels."""
    digest = hashlib.sha256(Path(job.stages).read_bytes())
    for vectors, labels in (train, val):
        digest.update(vectors.numpy())
        digest.update(labels.numpy())
    return digest.hexdigest()


def main(arguments=None):
    """Run the command line, see the module docstring."""
    channel = os.environ.get("SM_CHANNEL_JOB", ".")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--job", default=f"{channel}/job.json", help="JSON file with the job")
    parser.add_argument(
        "--images", default=os.environ.get("SM_CHANNEL_IMAGES"), help="folder that the paths of the PNGs start from"
    )
    parser.add_argument(
        "--output", default=os.environ.get("SM_MODEL_DIR", "."), help="folder for checkpoint.pt and history.csv"
    )
    parser.add_argument("--resume", help="folder for the resume point")
    parser.add_argument("--learning_rate", "--learning-rate", type=float, help="replaces that of the job")
    parser.add_argument("--batch_size", "--batch-size", type=int, help="replaces that of the job")
    parser.add_argument("--record-only", action="store_true", help="write the history but not the checkpoint")
    options, _ = parser.parse_known_args(arguments)  # launchers add other arguments
    at_work()
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(message)s")
    try:
        job = TrainingJob.read(options.job)
        recipe = job.recipe.with_hyperparameters(options.learning_rate, options.batch_size)
        places = {name: value for name in ("images", "resume") if (value := getattr(options, name))}
        job = replace(job, recipe=recipe, **places)
        backbone, head, history = learn(job)
        if int(os.environ.get("RANK", 0)) == 0:
            output = Path(options.output)
            if options.record_only:
                write_history(history, output / "history.csv")
            else:
                write_model(job, backbone, head, history, output / "checkpoint.pt", output / "history.csv")
    except FlystageError as error:
        sys.exit(f"flystage: {error}")


if __name__ == "__main__":
    main()
