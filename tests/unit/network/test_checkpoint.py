"""The one artifact: everything that predicting needs, in a file that runs no code when it is read."""

import pytest
import torch

from flystage.core.errors import FlystageError
from flystage.network.checkpoint import (
    angles_of,
    backbone_of,
    calibrate_checkpoint,
    head_of,
    load_checkpoint,
    save_checkpoint,
    stages_of,
)
from flystage.network.stager import Head
from flystage.raw.stages import Stages

STAGES = Stages(["051", "060", "069"], [51.0, 60.0, 69.0], "min")
IMAGE = {"size": 64, "normalize": {"method": "multiply", "factor": 6}, "field": "auto"}


@pytest.fixture
def saved(tmp_path):
    torch.manual_seed(0)
    head = Head(8, [5], 3, dropout=0.5)
    head.standardise_by(torch.randn(20, 8))
    backbone = {
        "name": "resnet18",
        "source": "none",
        "licence": "MIT",
        "id": "0123",
        "mean": [0.5] * 3,
        "std": [0.2] * 3,
        "size": None,
        "state": {"body.w": torch.randn(4)},
    }
    path = tmp_path / "model" / "checkpoint.pt"
    save_checkpoint(path, backbone, head, STAGES, IMAGE, {"note": "", "epochs": 3})
    return path, backbone, head


def test_everything_comes_back_without_running_code(saved):
    path, backbone, head = saved
    assert torch.load(path, weights_only=True)["stages"] == list(STAGES.names)
    checkpoint = load_checkpoint(path)
    assert stages_of(checkpoint) == STAGES
    assert checkpoint["image"] == IMAGE and checkpoint["training"] == {"note": "", "epochs": 3}
    again = backbone_of(checkpoint)
    assert torch.equal(again["state"].pop("body.w"), backbone["state"].pop("body.w"))
    assert again == backbone
    vectors = torch.randn(4, 8)
    with torch.inference_mode():
        torch.testing.assert_close(head_of(checkpoint)(vectors), head.eval()(vectors), rtol=0, atol=0)


def test_a_checkpoint_of_the_format_before_is_readable_and_has_no_licence(saved):
    path = saved[0]
    old = torch.load(path, weights_only=True) | {"format": 2}
    del old["backbone"]["licence"]
    torch.save(old, path)
    assert load_checkpoint(path)["backbone"]["licence"] == ""


@pytest.mark.parametrize(
    ("settings", "angles"),
    [({}, [90]), ({"mode": "frozen"}, [90]), ({"mode": "finetuned", "finetune": {"augment": {"rotation": 20}}}, [90])],
)
def test_the_angles_that_it_was_trained_on_are_those_of_its_images(settings, angles):
    assert angles_of({"image": {"angles": [90]}, "training": {"settings": settings}}) == angles
    turned = {"mode": "finetuned", "finetune": {"augment": {"rotation": 180}}}
    assert {90, 180, 270} <= set(angles_of({"image": {"angles": []}, "training": {"settings": turned}}))


def test_the_head_answers_without_dropout(saved):
    head = head_of(load_checkpoint(saved[0]))
    vectors = torch.randn(4, 8)
    assert not head.training and torch.equal(head(vectors), head(vectors))


def test_stages_without_minutes_stay_without(saved, tmp_path):
    _, backbone, head = saved
    save_checkpoint(tmp_path / "c.pt", backbone, head, Stages(["a", "b", "c"]), IMAGE, {})
    assert stages_of(load_checkpoint(tmp_path / "c.pt")) == Stages(["a", "b", "c"])


def sentence(path):
    with pytest.raises(FlystageError) as refused:
        load_checkpoint(path)
    assert "\n" not in str(refused.value) and str(path) in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize("kept", [0, 1, 100, 0.5, 0.99])
def test_a_damaged_file_is_one_sentence(saved, kept):
    path = saved[0]
    data = path.read_bytes()
    path.write_bytes(data[: int(kept * len(data)) if isinstance(kept, float) else kept])
    assert "is not a checkpoint of this workflow, or it is damaged" in sentence(path)


def test_a_missing_file_is_one_sentence(tmp_path):
    assert "There is no checkpoint" in sentence(tmp_path / "none.pt")


@pytest.mark.parametrize(
    "content", [{"format": 0}, {}, [1, 2], torch.zeros(3)], ids=["other version", "no version", "list", "tensor"]
)
def test_another_kind_of_file_is_one_sentence(tmp_path, content):
    torch.save(content, tmp_path / "c.pt")
    assert "is not a checkpoint of this version of the workflow" in sentence(tmp_path / "c.pt")


def test_a_file_that_would_run_code_is_refused(tmp_path):
    class Trap:
        def __reduce__(self):
            return print, ("code ran",)

    torch.save({"format": 1, "trap": Trap()}, tmp_path / "c.pt")
    assert "is not a checkpoint" in sentence(tmp_path / "c.pt")


NOTHING = {"temperature": 1.0, "sets": None, "interval": None}


def test_a_trained_network_is_not_calibrated_nor_is_one_of_an_earlier_format(saved):
    path = saved[0]
    assert load_checkpoint(path)["calibration"] == NOTHING and load_checkpoint(path)["likeness"] is None
    old = torch.load(path, weights_only=True) | {"format": 5, "calibration": {"temperature": 2.0, "sets": None}}
    del old["likeness"]
    torch.save(old, path)
    assert load_checkpoint(path)["calibration"] == NOTHING | {"temperature": 2.0}
    assert load_checkpoint(path)["likeness"] is None
    del old["calibration"]
    torch.save(old | {"format": 4}, path)
    assert load_checkpoint(path)["calibration"] == NOTHING


def test_calibrating_writes_the_same_network_with_what_cross_validation_says(saved, tmp_path):
    path, target = saved[0], tmp_path / "calibrated.pt"
    sets = {"asked": 0.9, "promised": 0.8, "threshold": 0.1, "contiguous": True}
    interval = {"asked": 0.9, "promised": 0.8, "reach": 7.5}
    record = {
        "calibration": {"temperature": 1.7, "ece_before": 0.1},
        "sets": sets | {"covered": 0.9},
        "interval": interval | {"covered": 0.9, "unit": "min"},
    }
    likeness = {"reference": torch.ones(3, 8).half(), "threshold": 2.5}
    calibrate_checkpoint(load_checkpoint(path), record, likeness, target)
    assert torch.load(target, weights_only=True)["format"] == 6
    found, before = load_checkpoint(target), load_checkpoint(path)
    assert found.pop("calibration") == {"temperature": 1.7, "sets": sets, "interval": interval}
    kept = found.pop("likeness")
    assert kept["threshold"] == 2.5 and torch.equal(kept["reference"], likeness["reference"])
    state, state_before = found.pop("state"), before.pop("state")
    assert all(torch.equal(value, state_before[key]) for key, value in state.items()) and len(state) == len(
        state_before
    )
    del before["calibration"], before["likeness"]
    assert found == before
    for unknown in (None, {"calibration": None, "sets": None, "interval": None, "why": "Too few embryos."}):
        calibrate_checkpoint(load_checkpoint(path), unknown, None, target)
        assert load_checkpoint(target)["calibration"] == NOTHING and load_checkpoint(target)["likeness"] is None
