"""The paragraph for a methods section has the numbers of the run, and references only of what was used."""

import re
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


def written(crossval=None, measured=MEASURED, config=CONFIG, best=BEST, network=NETWORK):
    text = methods_text(config, STAGES, COUNTS, network, best, measured, crossval, VERSIONS)
    assert all(len(line) <= 100 for line in text.splitlines())
    return " ".join(text.split())


def test_paragraph_has_the_numbers_of_the_run():
    text = written()
    for part in (
        "408 images of 24 embryos in 2 stages (051 to 060)",
        "16 (272 images) for training, 4 (68 images) for validation, 4 (68 images) for testing",
        "multiplied by 6 ",
        "320 x 320 pixels",
        "rotated by 45, 90, 135, 180, 270 degrees",
        " 1632 ",
        "A resnet50 with ImageNet weights (checksum 0123abcd, licence BSD-3-Clause)",
        " 512 and 128 hidden units",
        "learning rate 0.00123 and batch size 64",
        "the lowest loss on the validation embryos among 8 trials",
        "top-1 52.9 % (30 to 84 %, chance 5.9 %)",
        "mean error 4.6 min (2.6 to 6.7 min)",
        "flystage 0.1.0 (flystage developers 2026)",
        "Snakemake 9.27.1 (Mölder et al. 2021)",
        "PyTorch 2.15.0 (Paszke et al. 2019)",
        "Python 3.11.7",
    ):
        assert part in text, part
    assert "last feature map" not in text
    assert "cross-validation" not in text and "Pedregosa" not in text and "Lee Y" not in text


@pytest.mark.parametrize("version", ["0.1.0", "2.0.1"])
def test_flystage_cites_itself_with_its_version(version):
    text = methods_text(CONFIG, STAGES, COUNTS, NETWORK, BEST, MEASURED, None, VERSIONS | {"flystage": version})
    references = [" ".join(paragraph.split()) for paragraph in text.split("References\n")[1].strip().split("\n\n")]
    assert references == sorted(references, key=str.casefold) and len(references) > 4
    (own,) = [reference for reference in references if reference.startswith("flystage developers")]
    assert own == (
        "flystage developers (2026). flystage: a Snakemake workflow that classifies Drosophila embryo images by developmental"
        f" stage. Version {version}. MIT licence."
    )


def test_paragraph_describes_cross_validation_only_if_it_ran():
    text = written(CROSSVAL)
    for part in (
        "cross-validation over 24 folds of whole embryos of all splits (408 images of 24 embryos) the results were: top-1 52.9 %",
        " min). Those of the run. Baselines",
        "temperature of 1.31",
        "0.100 before and 0.040 after",
        "coverage of 90 %",
        "93.0 % of the images, with 2.5 stages on average",
        "nearest neighbour on pixels; scikit-learn, Pedregosa et al. 2011",
        "Lee Y, Barber RF, Willett R (2023)",
        "Guo C, Pleiss G",
    ):
        assert part in text, part


ON_FOLDS = "5 folds of whole embryos of the training and validation splits"
BETTER = "lower by more than the standard error of the difference over embryos"


@pytest.mark.parametrize(
    ("best", "trials", "said", "not_said"),
    [
        ({"displaced": False, "folds": 5}, 8, ["fixed before the run. None of 7 other settings", ON_FOLDS, BETTER], ["lowest loss"]),
        ({"displaced": False}, 2, ["fixed before the run. None of 1 other settings", "the validation embryos", BETTER], ["folds"]),
        ({"displaced": False}, 1, ["were fixed before the run."], ["None of", BETTER]),
        ({"displaced": True, "folds": 5}, 8, [f"the lowest loss on {ON_FOLDS} among 8 trials", "replaced fixed", BETTER], ["None of"]),
        ({"displaced": True}, 8, ["the lowest loss on the validation embryos among 8 trials", BETTER], ["folds", "before the run"]),
        ({}, 8, ["the lowest loss on the validation embryos among 8 trials."], [BETTER, "fixed"]),
    ],
)  # fmt: skip
def test_paragraph_says_how_the_settings_were_chosen(best, trials, said, not_said):
    text = written(best=BEST | best, config=CONFIG | {"tune": CONFIG["tune"] | {"trials": trials}})
    assert all(part in text for part in said) and not any(part in text for part in not_said), text


def test_paragraph_states_the_pooling_of_the_network():
    pooled = "are the mean and standard deviation of the last feature map."
    assert pooled in written(network=NETWORK | {"pooling": "mean_std", "parts": 2})
    with_token = written(network=NETWORK | {"pooling": "mean_std", "parts": 3})
    assert "are the class token, and the mean and standard deviation of the last feature map." in with_token
    assert "feature map" not in written(network=NETWORK | {"pooling": "mean", "parts": 1})


def test_paragraph_states_the_offset_of_embryos_if_it_was_used():
    alone = {"top_k": {"1": SHARE | {"accuracy": 0.4321}}, "within_one": SHARE, "mae": None}
    text = written(CROSSVAL | {"alone": alone})
    assert "without their labels, and taken out" in text
    assert "With each image alone, the results were: top-1 43.2 %" in text
    for record in (CROSSVAL, CROSSVAL | {"alone": None}):
        assert "taken out" not in written(record) and "alone" not in written(record)


@pytest.mark.parametrize("missing", [*CROSSVAL, None])
def test_missing_parts_of_cross_validation_are_skipped(missing):
    record = CROSSVAL | {missing: None} if missing else dict.fromkeys(CROSSVAL)
    assert "None" not in written(record)


def test_stages_without_order_have_no_error_and_a_note_comes_first():
    text = written(measured=MEASURED | {"mae": {"value": None, "ci95": [None, None], "chance": None, "unit": None}},
                   config=CONFIG | {"note": "Pilot data."}, best=BEST | {"folds": 5, "displaced": True})  # fmt: skip
    assert (
        text.startswith("Note: Pilot data. ")
        and not re.search(r"mean error (\d|None)", text)
        and "5 folds of whole embryos" in text
    )
