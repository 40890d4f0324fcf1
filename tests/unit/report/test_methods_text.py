"""The paragraph for a methods section: the numbers of the run, and the references of what was used and no others."""

from pathlib import Path

import pytest
import yaml

from flystage.raw.stages import Stages
from flystage.report.methods_text import methods_text

CONFIG = yaml.safe_load((Path(__file__).parents[3] / "config.yaml").read_text(encoding="utf-8"))
STAGES = Stages(["051", "060"], [51, 60], "min")
COUNTS = {
    "train": {"embryos": 16, "tifs": 272, "pngs": 1632},
    "val": {"embryos": 4, "tifs": 68, "pngs": 68},
    "test": {"embryos": 4, "tifs": 68, "pngs": 68},
}
NETWORK = {"name": "resnet50", "source": "imagenet", "licence": "BSD-3-Clause", "id": "0123abcd"}
BEST = {"learning_rate": 0.00123, "batch_size": 64}
VERSIONS = {"flystage": "0.1.0", "Python": "3.11.7", "snakemake": "9.27.1", "torch": "2.15.0"}
SHARE = {"accuracy": 0.5294, "ci95": [0.3, 0.84], "chance": 0.0588}
MEASURED = {
    "images": 68,
    "embryos": 4,
    "top_k": {"1": SHARE, "3": SHARE | {"accuracy": 0.9}},
    "within_one": SHARE,
    "mae": {"value": 4.61, "ci95": [2.6, 6.7], "chance": 38.1, "unit": "min"},
}
CROSSVAL = {
    "crossval": MEASURED | {"images": 408, "embryos": 24, "folds": 24, "hyperparameters": "Those of the run."},
    "baselines": {"chance": {}, "nearest neighbour on pixels": {}},
    "calibration": {"temperature": 1.312, "ece_before": 0.1, "ece_after": 0.04},
    "sets": {"promised": 0.9, "covered": 0.93, "mean_size": 2.5},
}


def written(crossval=None, measured=MEASURED, config=CONFIG, best=BEST):
    text = methods_text(config, STAGES, COUNTS, NETWORK, best, measured, crossval, VERSIONS)
    assert all(len(line) <= 100 for line in text.splitlines())
    return " ".join(text.split())


def test_the_numbers_of_the_run_are_in_it():
    text = written()
    for part in (
        "408 images of 24 embryos in 2 stages (051 to 060) were used.",
        "16 (272 images) for training, 4 (68 images) for validation, 4 (68 images) for the test",
        "multiplied by 6 on the 0-255 scale, saturating, and resampled once to 320 x 320 pixels",
        "rotated by 45, 90, 135, 180, 270 degrees (1632 in all)",
        "A resnet50 with ImageNet weights (checksum 0123abcd, licence BSD-3-Clause) stayed as it was; a head with 512 and 128 hidden units",
        "learning rate 0.00123 and batch size 64, the best of 16 trials by the loss on the validation embryos",
        "top-1 52.9 % (30 to 84 %, chance 5.9 %)",
        "mean error 4.6 min (2.6 to 6.7 min)",
        "Snakemake 9.27.1 workflow (Mölder et al. 2021; flystage 0.1.0) with PyTorch 2.15.0",
    ):
        assert part in text
    assert "cross-validation" not in text and "Pedregosa" not in text and "Lee Y" not in text


def test_cross_validation_is_in_it_where_there_was_one():
    text = written(CROSSVAL)
    for part in (
        "In cross-validation over 24 folds of whole embryos of all splits (408 images of 24 embryos; those of the run) accuracy was:",
        "temperature of 1.31",
        "probability of 90 %",
        "they held it in 93.0 % of the images, with 2.5 stages on average",
        "nearest neighbour on pixels; scikit-learn, Pedregosa et al. 2011",
        "Lee Y, Barber RF, Willett R (2023)",
        "Guo C, Pleiss G",
    ):
        assert part in text


@pytest.mark.parametrize("missing", [*CROSSVAL, None])
def test_what_is_missing_is_left_out(missing):
    record = CROSSVAL | {missing: None} if missing else dict.fromkeys(CROSSVAL)
    assert "None" not in written(record)


def test_stages_without_order_have_no_error_and_a_note_stands_first():
    text = written(measured=MEASURED | {"mae": {"value": None, "ci95": [None, None], "chance": None, "unit": None}},
                   config=CONFIG | {"note": "Pilot data."}, best=BEST | {"folds": 5})  # fmt: skip
    assert (
        text.startswith("Note: Pilot data. ") and "the mean error 4" not in text and "5 folds of whole embryos" in text
    )
