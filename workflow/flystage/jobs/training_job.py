"""Describe a training job: recipe, files and resources of the machine. This module does not need torch."""

import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from flystage.core.records import read_json, write_json
from flystage.training.recipe import Recipe

FILES = ("train_manifest", "val_manifest", "stages", "backbone")
VECTORS = ("train_vectors", "val_vectors")


@dataclass(frozen=True)
class TrainingJob:
    """A training job of a rule.

    recipe: see `Recipe`.
    train_manifest, val_manifest, stages, backbone: paths of manifests, stage table and starting weights.
    train_vectors, val_vectors: paths of their feature vectors as .npy, or None to compute them. images: folder that
    the paths of the PNGs start from.
    image, note: settings for the checkpoint, if the network is kept.
    threads: number of threads of the computation. workers: number of processes that read PNGs. cache: folder for
    vectors.
    resume: folder for a resume point, or None. validated: whether the validation images choose the epoch. With False,
    only a head is trained, also on the validation images and to the last epoch.
    Raises ValueError if only one split has vectors, a number is out of range, or a fine-tuning is not validated.
    """

    recipe: Recipe
    train_manifest: str
    val_manifest: str
    stages: str
    backbone: str
    train_vectors: str | None = None
    val_vectors: str | None = None
    images: str = "."
    image: dict | None = None
    note: str = ""
    threads: int = 1
    workers: int = 0
    cache: str = "cache"
    resume: str | None = None
    validated: bool = True

    def __post_init__(self):
        if (self.train_vectors is None) != (self.val_vectors is None):
            raise ValueError("train_vectors and val_vectors must both be given, or neither")
        if self.threads < 1 or self.workers < 0:
            raise ValueError(f"{self.threads} threads and {self.workers} workers, but at least 1 and 0 are needed")
        if self.recipe.finetuned and not self.validated:
            raise ValueError("a fine-tuning needs validation (validated=True)")

    @classmethod
    def of_rule(cls, inputs, params, hyperparameters, epochs, **machine):
        """Make a job from the inputs and parameters of a rule's script.

        inputs: dict of the paths in FILES, and in VECTORS if they exist. params: dict with model, train and cache, and
        with image and note if the network is kept. hyperparameters, epochs: see `Recipe.of`. machine: threads,
        workers, resume and validated.
        """
        return cls(
            recipe=Recipe.of(params["model"], params["train"], hyperparameters, epochs),
            **{name: str(inputs[name]) for name in (*FILES, *VECTORS) if name in inputs},
            **{name: params[name] for name in ("image", "note", "cache") if name in params},
            **machine,
        )

    @classmethod
    def read(cls, path):
        """Read a job from a JSON file. Its relative paths start from the folder of that file."""
        record = read_json(path)
        return cls(**record | {"recipe": Recipe(**record["recipe"])}).seen_from(Path(path).parent)

    def write(self, path):
        """Write the job as JSON."""
        write_json(self.record(), path)

    def record(self):
        """Return the job as a dict of plain values."""
        return asdict(self) | {"recipe": self.recipe.record()}

    def decisive(self):
        """Return what decides the result, except the contents of the files, as a dict of plain values."""
        return {"recipe": self.recipe.record(), "image": self.image, "validated": self.validated}

    def seen_from(self, folder):
        """Return the job with its relative paths starting from `folder`, so that they stay valid elsewhere."""
        folder = Path(folder).resolve()
        paths = {name: getattr(self, name) for name in (*FILES, *VECTORS, "images", "cache", "resume")}
        return replace(self, **{name: str(folder / path) for name, path in paths.items() if path})

    def pngs(self, manifest):
        """Return the paths of the PNGs of a manifest, which is a table."""
        return [os.path.join(self.images, png) for png in manifest["png"]]
