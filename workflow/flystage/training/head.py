"""Training a head on the feature vectors of a frozen backbone."""

import numpy as np
import torch

from flystage.dataset.manifests import read_manifest
from flystage.network.stager import Head
from flystage.training.batches import VectorBatches
from flystage.training.loop import Training
from flystage.training.processes import Here
from flystage.training.targets import target_distributions

VALIDATION_BATCH = 4096


def load_vectors(vectors_path, manifest_path):
    """(vectors, labels) of one split: float32 tensor (images, features), int64 tensor (images,).

    The vectors stay in the file, which all trials on a machine share, and come into memory as they are needed.
    """
    labels = read_manifest(manifest_path)["label"].to_numpy()
    return torch.from_numpy(np.load(vectors_path, mmap_mode="c")), torch.tensor(labels)


def train_head(train, val, stages, recipe, here=None, point=None):
    """Train a head down to the number of stages. Returns (head at its best epoch, history).

    train, val: (vectors, labels) as `load_vectors` gives them. stages: the Stages. recipe: see `Recipe`. here: see `Here`.
    point: see `ResumePoint`. The same arguments give the same head on the same machine.
    """
    here = here or Here()
    torch.set_num_threads(1)  # trials share the cores, and the result does not depend on how many there are
    settings = recipe.train
    torch.manual_seed(settings["seed"])
    head = Head(train[0].shape[1], recipe.hidden, len(stages), recipe.dropout)
    head.standardise_by(train[0])
    head.to(here.device)
    training = Training(
        head,
        torch.optim.AdamW(
            head.parameters(), lr=recipe.learning_rate, weight_decay=settings["weight_decay"], fused=True
        ),
        target_distributions(stages, settings["loss"], settings["spread"]),
        recipe,
        here,
    )
    batches = VectorBatches(*train, recipe.batch_size, here, settings["seed"])
    history = training.run(batches, VectorBatches(*val, VALIDATION_BATCH, here), point)
    return head.cpu(), history
