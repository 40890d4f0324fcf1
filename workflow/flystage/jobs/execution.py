"""One training, from manifests to a trained network: the same for a trial and the final one, here and on other machines.

As a program (python -m flystage.learning, also under torchrun) it reads a job from a JSON file, whose relative paths are
seen from that file, and writes checkpoint.pt and history.csv. Its defaults are the folders of a SageMaker training job.
"""

import argparse
import copy
import hashlib
import json
import logging
import os
import sys
from pathlib import Path

import numpy as np
import torch

from flystage import frozen
from flystage.checkpoint import save_checkpoint
from flystage.errors import FlystageError
from flystage.features import feature_vectors
from flystage.finetuning import finetune
from flystage.history import best_epoch, check_converged, joined
from flystage.modules import code_version
from flystage.processes import process_group
from flystage.resuming import ResumePoint
from flystage.running import at_work
from flystage.tables import read_json, read_manifest, read_stages, write_history
from flystage.weights import load_weights

log = logging.getLogger("flystage")
FILES = ("train", "val", "stages", "backbone")


def learn(job):
    """Train as the job says. Returns (backbone, head, history), see `write_model`; in every process the same.

    job: a dict of plain values. train, val, stages, backbone: paths of manifests, stage table and starting weights.
    vectors: {"train", "val"}, paths of their feature vectors as .npy, or None: they are computed. images: the folder that
    the manifests' PNGs are seen from. model, settings, image, note: the configuration's model, train, image and note.
    hyperparameters: learning_rate and batch_size. epochs: at most. threads, workers: of the computation, and processes
    that read PNGs. cache: folder for vectors. resume: folder for a resume point, or None.
    Raises FlystageError when a PNG is missing or damaged.
    """
    stages, minutes = read_stages(job["stages"])
    backbone = load_weights(job["backbone"])
    settings, hyperparameters = job["settings"], job["hyperparameters"]
    finetuned = settings["mode"] == "finetuned"
    with process_group() as here:
        train, val = (_vectors(job, split, backbone, here) for split in ("train", "val"))
        point = ResumePoint(job["resume"], _key(job, backbone, train, val)) if job["resume"] else None
        head, history = frozen.train_head(
            train,
            val,
            stages,
            minutes,
            job["model"],
            settings,
            hyperparameters,
            settings["finetune"]["head_epochs"] if finetuned else job["epochs"],
            here if here.world > 1 else None,
            None if finetuned else point,
        )
        if finetuned:
            torch.set_num_threads(job["threads"])
            pictures = [
                (_pngs(job, split), labels) for split, (_, labels) in zip(("train", "val"), (train, val), strict=True)
            ]
            *tuned, tuned_history = finetune(
                backbone, copy.deepcopy(head), *pictures, stages, minutes, settings, hyperparameters, job["epochs"],
                here, job["workers"], point,
            )  # fmt: skip
            before = best_epoch(history)["val_loss"]
            history = joined(history, tuned_history)
            if best_epoch(history)["val_loss"] < before:
                backbone, head = tuned
    return backbone, head, history


def write_model(job, backbone, head, history, checkpoint, history_path):
    """Write the trained network as a checkpoint, and the history. Raises FlystageError when training diverged."""
    check_converged(history, job["hyperparameters"]["learning_rate"])
    write_history(history, history_path)
    stages, minutes = read_stages(job["stages"])
    training = {
        "note": job["note"],
        "settings": job["settings"],
        "best": job["hyperparameters"],
        "epochs": len(history),
    }
    save_checkpoint(checkpoint, backbone, head, job["model"], stages, minutes, job["image"], training)


def forget_resume_point(job):
    """Delete the job's resume point, when its outcome is kept."""
    if job["resume"]:
        ResumePoint(job["resume"], "").forget()


def _pngs(job, split):
    return [os.path.join(job["images"], png) for png in read_manifest(job[split])["png"]]


def _vectors(job, split, backbone, here):
    """(vectors, labels) of a split; without a file of them, each process computes its share."""
    if job["vectors"]:
        return frozen.load_vectors(job["vectors"][split], job[split])
    pngs = _pngs(job, split)
    mine = pngs[here.rank :: here.world]
    shares = here.gathered(feature_vectors(mine, backbone, job["cache"], job["threads"]) if mine else None)
    vectors = np.empty((len(pngs), shares[0].shape[1]), dtype=np.float32)
    for rank, share in enumerate(shares):
        if share is not None:
            vectors[rank :: here.world] = share
    return torch.from_numpy(vectors), torch.tensor(read_manifest(job[split])["label"].to_numpy())


def _key(job, backbone, train, val):
    """A checksum of all that decides the outcome, so that a resume point of another training is not taken for this one's."""
    decisive = {key: job[key] for key in ("model", "settings", "image", "hyperparameters", "epochs")}
    digest = hashlib.sha256(json.dumps([decisive, backbone["id"], code_version(__file__)], sort_keys=True).encode())
    digest.update(Path(job["stages"]).read_bytes())
    for vectors, labels in (train, val):
        digest.update(vectors.numpy())
        digest.update(labels.numpy())
    return digest.hexdigest()


def seen_from(job, folder):
    """The job with its relative paths seen from `folder`, so that they hold wherever the job is read."""

    def path(value):
        return value and str(Path(folder).resolve() / value)

    vectors = job["vectors"] and {split: path(file) for split, file in job["vectors"].items()}
    return job | {key: path(job[key]) for key in (*FILES, "images", "cache", "resume")} | {"vectors": vectors}


def main(arguments=None):
    """The command line; see the module's description."""
    channel = os.environ.get("SM_CHANNEL_JOB", ".")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--job", default=f"{channel}/job.json", help="JSON file with the job")
    parser.add_argument("--images", default=os.environ.get("SM_CHANNEL_IMAGES"), help="folder the PNGs are seen from")
    parser.add_argument("--output", default=os.environ.get("SM_MODEL_DIR", "."), help="where to write")
    parser.add_argument("--resume", help="folder for the resume point")
    parser.add_argument("--learning_rate", "--learning-rate", type=float, help="instead of the job's")
    parser.add_argument("--batch_size", "--batch-size", type=int, help="instead of the job's")
    parser.add_argument("--record-only", action="store_true", help="write the history and no checkpoint")
    options, _ = parser.parse_known_args(arguments)  # launchers add arguments of their own
    at_work()
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(message)s")
    try:
        job = seen_from(read_json(options.job), Path(options.job).parent)
        given = {"learning_rate": options.learning_rate, "batch_size": options.batch_size}
        job["hyperparameters"] |= {name: value for name, value in given.items() if value is not None}
        job |= {name: value for name in ("images", "resume") if (value := getattr(options, name))}
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
