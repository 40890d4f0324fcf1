"""A training as a rule asks for it: the recipe, the files, and what the machine gives. It needs no torch."""

import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from flystage.core.records import read_json, write_json
from flystage.training.recipe import Recipe

FILES = ("train_manifest", "val_manifest", "stages", "backbone")
VECTORS = ("train_vectors", "val_vectors")


@dataclass(frozen=True)
class TrainingJob:
    """A training as a rule asks for it.

    recipe: see `Recipe`.
    train_manifest, val_manifest, stages, backbone: paths of manifests, stage table and starting weights. train_vectors,
    val_vectors: paths of their feature vectors as .npy, or None: they are computed. images: the folder that the manifests'
    PNGs are seen from.
    image, note: the configuration's, for the checkpoint of a network that is kept.
    threads, workers: of the computation, and processes that read PNGs. cache: folder for vectors. resume: folder for a
    resume point, or None. validated: the validation images choose the epoch; False: they are trained on as well, a head alone, to
    the last epoch.
    Raises ValueError when only one split has vectors, a number is out of its range, or a fine-tuning is not to be validated.
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
            raise ValueError("vectors of one split alone")
        if self.threads < 1 or self.workers < 0:
            raise ValueError(f"{self.threads} threads and {self.workers} workers")
        if self.recipe.finetuned and not self.validated:
            raise ValueError("a fine-tuning without validation")

    @classmethod
    def of_rule(cls, inputs, params, hyperparameters, epochs, **machine):
        """A job from what a rule's script has.

        inputs: dict of the paths named FILES, and VECTORS where there are any. params: dict with model, train and cache; image
        and note for a network that is kept. hyperparameters, epochs: see `Recipe.of`. machine: threads, workers, resume;
        and validated.
        """
        return cls(
            recipe=Recipe.of(params["model"], params["train"], hyperparameters, epochs),
            **{name: str(inputs[name]) for name in (*FILES, *VECTORS) if name in inputs},
            **{name: params[name] for name in ("image", "note", "cache") if name in params},
            **machine,
        )

    @classmethod
    def read(cls, path):
        """The job in a JSON file, its relative paths seen from that file."""
        record = read_json(path)
        return cls(**record | {"recipe": Recipe(**record["recipe"])}).seen_from(Path(path).parent)

    def write(self, path):
        """Write the job as JSON."""
        write_json(self.record(), path)

    def record(self):
        """A dict of plain values."""
        return asdict(self) | {"recipe": self.recipe.record()}

    def decisive(self):
        """What decides the outcome beside the contents of the files, a dict of plain values."""
        return {"recipe": self.recipe.record(), "image": self.image, "validated": self.validated}

    def seen_from(self, folder):
        """The job with its relative paths seen from `folder`, so that they hold wherever the job is read."""
        folder = Path(folder).resolve()
        paths = {name: getattr(self, name) for name in (*FILES, *VECTORS, "images", "cache", "resume")}
        return replace(self, **{name: str(folder / path) for name, path in paths.items() if path})

    def pngs(self, manifest):
        """Paths of the PNGs of a manifest, a table."""
        return [os.path.join(self.images, png) for png in manifest["png"]]
