"""Train a head on the feature vectors of a frozen backbone."""

import copy
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from flystage.dataset.manifests import read_manifest
from flystage.network.stager import Head
from flystage.training.batches import VectorBatches
from flystage.training.loop import Training
from flystage.training.processes import Here
from flystage.training.targets import target_distributions

VALIDATION_BATCH = 4096
# Most principal components to train a head on, and the lowest variance of one as a share of the first one's variance.
# With few images, the last components are only rounding errors. docs/method.md compares numbers of components.
COMPONENTS, LEAST_VARIANCE = 256, 1e-3
STEPS = 15, 200  # fewest and most optimiser steps of an epoch; docs/experiments.md says what other budgets gave


def load_vectors(vectors_path, manifest_path):
    """Return the vectors and labels of one split: float32 tensor (images, features), int64 tensor (images,).

    The vectors are memory-mapped, so only the parts in use are in memory.
    """
    labels = read_manifest(manifest_path)["label"].to_numpy()
    return torch.from_numpy(np.load(vectors_path, mmap_mode="c")), torch.tensor(labels)


@dataclass(frozen=True)
class HeadInputs:
    """Inputs of heads, made once for all heads that train on the same vectors.

    The vectors are standardised by the training images (see `Head`) and projected onto their principal components.
    There are fewer components than features, so every training step is faster. The first layer of the trained head
    includes the projection.
    standard: a Head that only standardises. components: float32 tensor (features, components), orthonormal.
    train: (float32 tensor (images, components), int64 tensor of labels). val: the same, or None.
    """

    standard: Head
    components: torch.Tensor
    train: tuple[torch.Tensor, torch.Tensor]
    val: tuple[torch.Tensor, torch.Tensor] | None

    @classmethod
    def of(cls, train, val, seed, parts=1):
        """Make the inputs from (vectors, labels) of both splits. val: None without validation images.

        seed: of the random start of the search for components (Halko, Martinsson and Tropp, SIAM Review 53, 2011).
        """
        # The result must not depend on the number of threads, and forked processes cannot use a thread pool.
        torch.set_num_threads(1)
        standard = Head(train[0].shape[1], [], 1, parts=parts)
        standard.standardise_by(train[0])
        vectors = _in_parts(standard.standardised, train[0])
        torch.manual_seed(seed)
        _, values, components = torch.svd_lowrank(vectors, q=min(COMPONENTS, *vectors.shape), niter=3)
        components = components[:, values**2 >= LEAST_VARIANCE * values[0] ** 2].contiguous()
        val = val and (_in_parts(standard.standardised, val[0]) @ components, val[1])
        return cls(standard, components, (vectors @ components, train[1]), val)

    def start(self, recipe, stages):
        """Return an untrained Head, and its layers changed to take components instead of vectors.

        recipe: see `Recipe`. stages: the Stages.
        """
        torch.manual_seed(recipe.train["seed"])
        head = Head(len(self.components), recipe.hidden, len(stages), recipe.dropout, self.standard.parts)
        head.mean.copy_(self.standard.mean)
        head.std.copy_(self.standard.std)
        layers = copy.deepcopy(head.layers)
        layers[0].weight = nn.Parameter(layers[0].weight.detach() @ self.components)
        return head, layers

    def finish(self, head, layers):
        """Copy layers that were trained on components back into the head of `start`."""
        state = {key: value.cpu() for key, value in layers.state_dict().items()}
        head.layers.load_state_dict(state | {"0.weight": state["0.weight"] @ self.components.T})


def _in_parts(function, vectors, size=4096):
    """Apply a function to `size` vectors at a time, as those of 20,000 TIFs would fill the memory several times."""
    with torch.no_grad():
        return torch.cat([function(part) for part in vectors.split(size)])


def train_head(inputs, stages, recipe, here=None, point=None):
    """Train a head. Return the Head of the best epoch and the history. The arguments: see `train_layers`."""
    head, layers, history = train_layers(inputs, stages, recipe, here, point)
    inputs.finish(head, layers)
    return head, history


def train_layers(inputs, stages, recipe, here=None, point=None):
    """Train the layers of a head on components. Return (the untrained Head, its layers at their best epoch, the history).

    inputs: HeadInputs. Without validation images, the last epoch counts as the best. stages: the Stages. recipe: see `Recipe`.
    here: see `Here`. point: see `ResumePoint`. The same arguments give the same layers on the same
    machine.
    """
    here = here or Here()
    torch.set_num_threads(1)  # trials share the cores, and the result must not depend on their number
    settings = recipe.train
    head, layers = inputs.start(recipe, stages)
    layers.to(here.device)
    training = Training(
        layers,
        torch.optim.AdamW(
            layers.parameters(), lr=recipe.learning_rate, weight_decay=settings["weight_decay"], fused=True
        ),
        target_distributions(stages, settings["loss"], settings["spread"]),
        recipe,
        here,
    )
    batches = VectorBatches(*inputs.train, recipe.batch_size, here, settings["seed"], STEPS)
    validation = VectorBatches(*inputs.val, VALIDATION_BATCH, here) if inputs.val else None
    history = training.run(batches, validation, point)
    return head, layers, history
