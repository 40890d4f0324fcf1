"""Training a head on the feature vectors of a frozen backbone."""

from dataclasses import dataclass

import numpy as np
import torch

from flystage.dataset.manifests import read_manifest
from flystage.network.stager import Head, head_layers
from flystage.training.batches import VectorBatches
from flystage.training.loop import Training
from flystage.training.processes import Here
from flystage.training.targets import target_distributions

VALIDATION_BATCH = 4096


def load_vectors(vectors_path, manifest_path):
    """(vectors, labels) of one split: float32 tensor (images, features), int64 tensor (images,).

    The vectors stay in the file and come into memory as they are needed.
    """
    labels = read_manifest(manifest_path)["label"].to_numpy()
    return torch.from_numpy(np.load(vectors_path, mmap_mode="c")), torch.tensor(labels)


@dataclass(frozen=True)
class HeadInputs:
    """What heads are trained on, made once for all that train on the same vectors.

    A head's first step is the same in every epoch: vectors are standardised by the training images (see `Head`).
    standard: a Head that only standardises. train, val: (float32 tensor (images, features), int64 tensor of labels).
    """

    standard: Head
    train: tuple[torch.Tensor, torch.Tensor]
    val: tuple[torch.Tensor, torch.Tensor]

    @classmethod
    def of(cls, train, val):
        """From (vectors, labels) of both splits."""
        standard = Head(train[0].shape[1], [], 1)
        standard.standardise_by(train[0])
        return cls(standard, *((_in_parts(standard.standardised, vectors), labels) for vectors, labels in (train, val)))

    def whole(self, layers, recipe, stages):
        """The Head that gives for vectors what the trained layers give for standardised ones, on the CPU."""
        head = Head(len(self.standard.mean), recipe.hidden, len(stages), recipe.dropout)
        state = {f"layers.{key}": value.cpu() for key, value in layers.state_dict().items()}
        head.load_state_dict(state | {"mean": self.standard.mean, "std": self.standard.std})
        return head


def _in_parts(function, vectors, size=4096):
    """A function of vectors applied to so many at a time: 20,000 TIFs would fill the memory several times."""
    with torch.inference_mode():
        result = torch.cat([function(part) for part in vectors.split(size)])
    return result.clone()  # no tensor of inference mode: it takes part in training


def train_head(inputs, stages, recipe, here=None, point=None):
    """Train a head down to the number of stages. Returns (Head at its best epoch, history).

    inputs: HeadInputs. stages: the Stages. recipe: see `Recipe`. here: see `Here`. point: see `ResumePoint`. The same arguments
    give the same head on the same machine.
    """
    here = here or Here()
    torch.set_num_threads(1)  # trials share the cores, and the result does not depend on how many there are
    settings = recipe.train
    torch.manual_seed(settings["seed"])
    layers = head_layers(inputs.train[0].shape[1], recipe.hidden, len(stages), recipe.dropout).to(here.device)
    training = Training(
        layers,
        torch.optim.AdamW(
            layers.parameters(), lr=recipe.learning_rate, weight_decay=settings["weight_decay"], fused=True
        ),
        target_distributions(stages, settings["loss"], settings["spread"]),
        recipe,
        here,
    )
    batches = VectorBatches(*inputs.train, recipe.batch_size, here, settings["seed"])
    history = training.run(batches, VectorBatches(*inputs.val, VALIDATION_BATCH, here), point)
    return inputs.whole(layers, recipe, stages), history
