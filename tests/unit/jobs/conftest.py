"""Fixtures: the images of a made-up run. Their vectors contain the stage and a mark of the embryo."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import flystage
from flystage.jobs.held_out import Images
from flystage.raw.stages import Stages
from flystage.training.recipe import Recipe

CALL = "import pickle, sys; f, a = pickle.load(sys.stdin.buffer); pickle.dump(f(*a), sys.stdout.buffer)"
TRAIN = {"mode": "frozen", "seed": 1, "loss": "ordered", "spread": 0.75, "weight_decay": 0.01, "patience": 5}


@pytest.fixture(scope="session")
def stages():
    return Stages(["051", "060", "069", "078"], [51, 60, 69, 78], "min")


@pytest.fixture(scope="session")
def recipe():
    return Recipe([8], 0.0, TRAIN, learning_rate=0.02, batch_size=16, epochs=6)


@pytest.fixture(scope="session")
def images_of():
    """Return a function: number of embryos -> Images, two per stage and embryo.

    Those of the first half have two angles. adapt: see `Images`.
    """

    def images_of(embryos, noise=0.5, adapt=False):
        rows = [
            {"embryo": f"e{embryo:02}", "label": label, "angle": angle, "number": number,
             "split": "train" if embryo < embryos / 2 else "val" if embryo % 2 else "test"}
            for embryo in range(embryos) for label in range(4) for number in range(2)
            for angle in ([0, 90] if embryo < embryos / 2 else [0])
        ]  # fmt: skip
        every = pd.DataFrame(rows)
        every["image"] = (every["angle"] == 0).cumsum() - 1
        random = np.random.default_rng(0)
        vectors = random.normal(0, noise, (len(every), 12)).astype(np.float32)
        vectors[np.arange(len(every)), every["label"]] += 2
        vectors[:, 11] = every["embryo"].str[1:].astype(float)
        manifest = every[every["angle"] == 0].reset_index(drop=True)
        manifest["stage"] = np.array(["051", "060", "069", "078"])[manifest["label"]]
        manifest["source"] = manifest.index.map("{}.tif".format)
        manifest["png"] = manifest.index.map("{}.png".format)
        manifest["origin"] = "given"
        asked = vectors[(every["angle"] == 0).to_numpy()]
        labels = torch.tensor(every["label"].to_numpy())
        pixels = random.normal(0, 1, (len(manifest), 9)) + np.eye(4, 9)[manifest["label"]]
        image = every["image"].to_numpy()
        return Images(
            manifest, np.stack([asked] * 2), torch.from_numpy(vectors), labels, image, pixels, parts=1, adapt=adapt
        )

    return images_of


@pytest.fixture
def elsewhere():
    """Return a caller of library functions in a new process, because a process that trained cannot be forked."""

    def elsewhere(function, *arguments):
        environment = os.environ | {"PYTHONPATH": str(Path(flystage.__file__).parents[1])}
        given = pickle.dumps((function, arguments))
        process = subprocess.run([sys.executable, "-c", CALL], input=given, env=environment, stdout=subprocess.PIPE)
        assert process.returncode == 0
        return pickle.loads(process.stdout)

    return elsewhere
