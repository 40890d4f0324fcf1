"""A checkpoint contains everything for predictions, runs no code when it is read, and is checked."""

import copy
import functools
import math
import os
import re
import struct
from unittest import mock

import cv2
import numpy as np
import pytest
import torch
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from flystage.core.errors import FlystageError
from flystage.core.fields import check_fields
from flystage.network import checkpoint as module
from flystage.network.checkpoint import (
    angles_of,
    backbone_of,
    calibrate_checkpoint,
    head_of,
    load_checkpoint,
    save_checkpoint,
    stages_of,
)
from flystage.network.embedders import TorchEmbedder
from flystage.network.features import embedded
from flystage.network.offsets import EmbryoOffset
from flystage.network.stager import Head
from flystage.network.weights import fetch_weights, load_weights
from flystage.prediction import inference
from flystage.raw.stages import Stages
from flystage.run.code_versions import LIBRARY

STAGES = Stages(["051", "060", "069"], [51.0, 60.0, 69.0], "min")
IMAGE = {
    "size": 32, "normalize": {"method": "multiply", "factor": 6}, "field": "auto", "white": "auto", "page": "middle",
    "channel": "auto", "max_pixels": 10_000,
}  # fmt: skip
NAME, WIDTH = "timm/test_resnet", 96  # a network of timm's own tests


@pytest.fixture(scope="module")
def backbone(tmp_path_factory):
    folder = tmp_path_factory.mktemp("backbone")
    fetch_weights(NAME, "none", 1, folder / "backbone.pt")
    return load_weights(folder / "backbone.pt") | {"licence": "MIT"}


def with_offset(head, seed=4):
    """Give a head an offset of random weights. Return the head."""
    torch.manual_seed(seed)
    head.offset = EmbryoOffset(len(head.mean), 6, head.hidden, 3, 8.0)
    for buffer in head.offset.buffers():
        buffer.copy_(torch.randn(buffer.shape))
    return head


@pytest.fixture
def saved(backbone, tmp_path):
    torch.manual_seed(0)
    head = Head(WIDTH, [5], 3, dropout=0.5)
    head.standardise_by(torch.randn(20, WIDTH))
    path = tmp_path / "model" / "checkpoint.pt"
    save_checkpoint(path, backbone, head, STAGES, IMAGE, {"note": "", "epochs": 3})
    return path, backbone, head


def test_a_checkpoint_loads_completely_without_running_code(saved):
    path, backbone, head = saved
    assert torch.load(path, weights_only=True)["stages"] == list(STAGES.names)
    checkpoint = load_checkpoint(path)
    assert stages_of(checkpoint) == STAGES
    assert checkpoint["image"] == IMAGE and checkpoint["training"] == {"note": "", "epochs": 3}
    again = backbone_of(checkpoint)
    assert all(torch.equal(value, backbone["state"][key]) for key, value in again.pop("state").items())
    assert again == {key: value for key, value in backbone.items() if key != "state"}
    vectors = torch.randn(4, WIDTH)
    with torch.inference_mode():
        torch.testing.assert_close(head_of(checkpoint)(vectors), head.eval()(vectors), rtol=0, atol=0)


def test_a_checkpoint_of_format_2_loads_without_a_licence(saved):
    path = saved[0]
    old = torch.load(path, weights_only=True) | {"format": 2}
    del old["backbone"]["licence"]
    torch.save(old, path)
    assert load_checkpoint(path)["backbone"]["licence"] == ""


@pytest.mark.parametrize(
    ("settings", "angles"),
    [({}, [90]), ({"mode": "frozen"}, [90]), ({"mode": "finetuned", "finetune": {"augment": {"rotation": 20}}}, [90])],
)
def test_angles_are_those_of_the_training_images(settings, angles):
    assert angles_of({"image": {"angles": [90]}, "training": {"settings": settings}}) == angles
    turned = {"mode": "finetuned", "finetune": {"augment": {"rotation": 180}}}
    assert {90, 180, 270} <= set(angles_of({"image": {"angles": []}, "training": {"settings": turned}}))


def test_a_loaded_head_predicts_without_dropout(saved):
    head = head_of(load_checkpoint(saved[0]))
    vectors = torch.randn(4, WIDTH)
    assert not head.training and torch.equal(head(vectors), head(vectors))


def test_stages_without_minutes_load_without_minutes(saved, tmp_path):
    _, backbone, head = saved
    save_checkpoint(tmp_path / "c.pt", backbone, head, Stages(["a", "b", "c"]), IMAGE, {})
    assert stages_of(load_checkpoint(tmp_path / "c.pt")) == Stages(["a", "b", "c"])


def sentence(path):
    with pytest.raises(FlystageError) as refused:
        load_checkpoint(path)
    assert "\n" not in str(refused.value) and str(path) in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize("kept", [0, 1, 100, 0.5, 0.99])
def test_a_truncated_checkpoint_is_refused(saved, kept):
    path = saved[0]
    data = path.read_bytes()
    path.write_bytes(data[: int(kept * len(data)) if isinstance(kept, float) else kept])
    assert "damaged (" in sentence(path)


def test_a_missing_checkpoint_is_named_with_the_command_to_train_one(tmp_path):
    assert "no checkpoint" in sentence(tmp_path / "none.pt") and "snakemake --cores all" in sentence(
        tmp_path / "none.pt"
    )


@pytest.mark.parametrize(
    "content", [{"format": 0}, {}, [1, 2], torch.zeros(3)], ids=["other version", "no version", "list", "tensor"]
)
def test_another_kind_of_file_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "c.pt")
    assert "not a checkpoint of this version" in sentence(tmp_path / "c.pt")


def test_a_file_that_would_run_code_is_refused_without_running_it(saved, tmp_path):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    path = saved[0]
    content = torch.load(path, weights_only=True)
    for trapped in (content | {"trap": Trap()}, content | {"training": {"note": Trap()}}, Trap()):
        torch.save(trapped, path)
        message = sentence(path)
        assert not (tmp_path / "ran").exists()
        assert "damaged (" in message and "tensors and plain values" in message
        torch.load(path, weights_only=False)
        (tmp_path / "ran").rmdir()  # the trap works


NOTHING = {"temperature": 1.0, "sets": None, "interval": None, "adapted": None}


def test_new_checkpoints_and_earlier_formats_are_not_calibrated(saved):
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


def test_calibration_adds_the_results_of_cross_validation(saved, tmp_path):
    path, target = saved[0], tmp_path / "calibrated.pt"
    sets = {"asked": 0.9, "promised": 0.8, "threshold": 0.1, "contiguous": True}
    interval = {"asked": 0.9, "promised": 0.8, "reach": 7.5}
    record = {
        "calibration": {"temperature": 1.7, "ece_before": 0.1},
        "sets": sets | {"covered": 0.9},
        "interval": interval | {"covered": 0.9, "unit": "min"},
    }
    likeness = {"reference": torch.ones(3, WIDTH).half(), "threshold": 2.5}
    calibrate_checkpoint(load_checkpoint(path), record, likeness, target)
    assert torch.load(target, weights_only=True)["format"] == 7
    found, before = load_checkpoint(target), load_checkpoint(path)
    assert found.pop("calibration") == {"temperature": 1.7, "sets": sets, "interval": interval, "adapted": None}
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


def test_adapted_images_have_a_calibration_of_their_own(saved, tmp_path):
    sets = {"asked": 0.9, "promised": 0.8, "threshold": 0.1, "contiguous": True}
    alone = {"calibration": {"temperature": 1.7}, "sets": sets, "interval": None}
    record = {
        "calibration": {"temperature": 0.8},
        "sets": sets | {"threshold": 0.3},
        "interval": {"asked": 0.9, "promised": 0.8, "reach": 7.5, "covered": 0.9},
    }
    calibrate_checkpoint(load_checkpoint(saved[0]), record | {"alone": alone}, None, tmp_path / "c.pt")
    found = load_checkpoint(tmp_path / "c.pt")["calibration"]
    adapted = found.pop("adapted")
    assert found == {"temperature": 1.7, "sets": sets, "interval": None}
    assert adapted["temperature"] == 0.8 and adapted["sets"]["threshold"] == 0.3
    assert adapted["interval"] == {"asked": 0.9, "promised": 0.8, "reach": 7.5}
    # Without figures of images alone, all images have the same calibration.
    calibrate_checkpoint(load_checkpoint(saved[0]), record | {"alone": None}, None, tmp_path / "c.pt")
    found = load_checkpoint(tmp_path / "c.pt")["calibration"]
    assert found["temperature"] == 0.8 and found["adapted"] is None


def test_the_offset_is_saved_with_the_head(saved, tmp_path):
    _, backbone, head = saved
    with_offset(head)
    save_checkpoint(tmp_path / "c.pt", backbone, head, STAGES, IMAGE, {})
    checkpoint = load_checkpoint(tmp_path / "c.pt")
    assert checkpoint["offset"] == {"components": 6, "kappa": 8.0}
    again = head_of(checkpoint)
    assert again.offset.kappa == 8.0 and not again.offset.training
    for key, value in head.offset.state_dict().items():
        assert torch.equal(again.offset.state_dict()[key], value)
    vectors = torch.randn(4, WIDTH)
    with torch.inference_mode():  # the offset does not change the answer of each image alone
        torch.testing.assert_close(again(vectors), head_of(load_checkpoint(saved[0]))(vectors), rtol=0, atol=0)
    assert load_checkpoint(saved[0])["offset"] is None and head_of(load_checkpoint(saved[0])).offset is None


def test_a_pooled_backbone_is_saved_with_its_parts(tmp_path):
    fetch_weights(NAME, "none", 1, tmp_path / "backbone.pt", None, "mean_std")
    head = Head(192, [5], 3, parts=2)
    save_checkpoint(tmp_path / "c.pt", load_weights(tmp_path / "backbone.pt"), head, STAGES, IMAGE, {})
    checkpoint = load_checkpoint(tmp_path / "c.pt")
    assert (checkpoint["backbone"]["pooling"], checkpoint["backbone"]["parts"]) == ("mean_std", 2)
    assert head_of(checkpoint).parts == 2 and answered(tmp_path / "c.pt").shape == (2, 3)
    for change in ({"pooling": "mean", "parts": 1}, {"parts": 1}, {"parts": 3}, {"pooling": "mean"}):
        content = torch.load(tmp_path / "c.pt", weights_only=True)
        content["backbone"] |= change
        torch.save(content, tmp_path / "changed.pt")
        sentence(tmp_path / "changed.pt")


def set_to(*way, to):
    def change(checkpoint):
        *parents, last = way
        functools.reduce(lambda record, name: record[name], parents, checkpoint)[last] = to

    return change


def without(*way):
    def change(checkpoint):
        *parents, last = way
        del functools.reduce(lambda record, name: record[name], parents, checkpoint)[last]

    return change


def filled(key, value):
    return lambda checkpoint: checkpoint["state"][key].fill_(value)


HOSTILE = {  # facts of the message, in their order
    "backbone.name ... '../../evil'": set_to("backbone", "name", to="../../evil"),
    "backbone.name ... 'timm/hf-hub:evil/net'": set_to("backbone", "name", to="timm/hf-hub:evil/net"),
    "backbone.name ... 'fasterrcnn_resnet50_fpn'": set_to("backbone", "name", to="fasterrcnn_resnet50_fpn"),
    "backbone.id ... '../../evil' ... 16 hex": set_to("backbone", "id", to="../../evil"),
    " id ... fit its weights": set_to("backbone", "id", to="0123456789abcdef"),
    " id ... its weights": filled("backbone.body.conv1.0.weight", 0.5),
    "backbone.std ... [0, 0, 0]": set_to("backbone", "std", to=[0, 0, 0]),
    "mean and std ... tensors": set_to("backbone", "mean", to=[0.1, 0.2, 0.3]),
    "size None, not 64": set_to("backbone", "size", to=64),
    "backbone ... [1]": set_to("backbone", to=[1]),
    "hidden ... [2000000000]": set_to("hidden", to=[2 * 10**9]),
    "among the weights of a head": set_to("hidden", to=[10**6, 10**6]),
    "'layers.0.weight' ... shape": set_to("hidden", to=[4]),
    "'layers.3.weight' ... shape": lambda checkpoint: checkpoint.update(stages=["a", "b"], times=None, unit=None),
    "stages ... missing": without("stages"),
    "stages ... name": set_to("stages", to=["a", "a", "b"]),
    "stages ... a list of 3": set_to("stages", to=["a", " ", "b"]),
    "stages ... [1, 2, 3]": set_to("stages", to=[1, 2, 3]),
    "times ... unit": without("times"),
    "do not fit together": set_to("times", to=[1.0]),
    "times ... inf": set_to("times", to=[1.0, 2.0, math.inf]),
    "unit ... 'parsec'": set_to("unit", to="parsec"),
    "image ... None": set_to("image", to=None),
    "image.size ... 1000000000": set_to("image", "size", to=10**9),
    "image.white ... missing": without("image", "white"),
    "image.normalize.factor ... nan": set_to("image", "normalize", "factor", to=math.nan),
    "image.normalize.low ... below": set_to("image", "normalize", to={"method": "percentile", "low": 9, "high": 9}),
    "image.angles ... 3": set_to("image", "angles", to=3),
    "calibration.temperature ... 0.0": set_to("calibration", "temperature", to=0.0),
    "calibration.temperature ... nan": set_to("calibration", "temperature", to=math.nan),
    "calibration.sets.asked ... missing": set_to("calibration", "sets", to={"threshold": 0.1}),
    "calibration.sets ... None": without("calibration", "sets"),
    "calibration.interval ... 3": set_to("calibration", "interval", to=3),
    "calibration ... None": without("calibration"),
    "calibration.adapted ... missing": without("calibration", "adapted"),
    "calibration.adapted ... 3": set_to("calibration", "adapted", to=3),
    "calibration.adapted.temperature ... missing": set_to("calibration", "adapted", to={}),
    "calibration.adapted.temperature ... nan": set_to("calibration", "adapted", to=NOTHING | {"temperature": math.nan}),
    "calibration.adapted.sets ... None": set_to("calibration", "adapted", to={"temperature": 1.0, "interval": None}),
    "calibration.adapted.sets.asked ... missing": set_to("calibration", "adapted", to=NOTHING | {"sets": {}}),
    "calibration.adapted.interval ... 'far'": set_to("calibration", "adapted", to=NOTHING | {"interval": "far"}),
    "backbone.pooling ... 'x'": set_to("backbone", "pooling", to="x"),
    "backbone.pooling ... list of 1": set_to("backbone", "pooling", to=["mean"]),
    "backbone.pooling ... missing": without("backbone", "pooling"),
    "backbone.parts ... 7": set_to("backbone", "parts", to=7),
    "backbone.parts ... missing": without("backbone", "parts"),
    "vectors of 1 parts, not 2": set_to("backbone", "parts", to=2),
    "'mean' ... shape": lambda checkpoint: checkpoint["backbone"].update(pooling="mean_std", parts=2),
    "offset ... missing": without("offset"),
    "offset ... 3": set_to("offset", to=3),
    "offset.components ... missing": set_to("offset", to={}),
    "offset.components ... 10000000000": set_to("offset", to={"components": 10**10, "kappa": 8.0}),
    "offset.kappa ... nan": set_to("offset", to={"components": 6, "kappa": math.nan}),
    "offset.kappa ... -1": set_to("offset", to={"components": 6, "kappa": -1}),
    "'offset. ... missing among the weights of a head": set_to("offset", to={"components": 6, "kappa": 8.0}),
    "'offset.means' is unknown": lambda checkpoint: checkpoint["state"].update(
        {"head.offset.means": torch.zeros(3, 6)}
    ),
    "likeness ... None": without("likeness"),
    "likeness.reference ... vectors of 96": set_to("likeness", to={"reference": torch.ones(3, 3), "threshold": 1.0}),
    "likeness.threshold ... -1": set_to("likeness", to={"reference": torch.ones(3, WIDTH), "threshold": -1}),
    "'likeness.reference' ... values": set_to(
        "likeness", to={"reference": torch.ones(1).expand(10**6, 10**6), "threshold": 1.0}
    ),
    "training.settings.finetune ... None": set_to("training", "settings", to={"mode": "finetuned"}),
    "too many ... plain values": set_to(
        "training", "laughs", to=functools.reduce(lambda inner, _: [inner] * 10, range(30), "ha")
    ),
    "weights ... backbone and head": set_to("state", "other.w", to=torch.zeros(1)),
    "weights are missing": set_to("state", to=None),
    "'head.mean' ... values": set_to("state", "head.mean", to=torch.zeros(1).expand(10**12)),
    "'head.layers.0.weight' ... NaN": filled("head.layers.0.weight", math.nan),
    "'backbone.body.conv1.0.weight' ... infinite": filled("backbone.body.conv1.0.weight", math.inf),
    "standard deviations of zero": filled("head.std", 0.0),
    "not a checkpoint of this version": set_to("format", to=torch.zeros(3)),
    "a checkpoint of this version": set_to("format", to=True),
}


@pytest.mark.parametrize("facts", HOSTILE)
def test_impossible_values_are_refused_and_named(saved, facts):
    path = saved[0]
    content = torch.load(path, weights_only=True)
    HOSTILE[facts](content)
    torch.save(content, path)
    message = sentence(path)
    assert re.search(".*".join(map(re.escape, facts.split(" ... "))), message), message


def test_the_same_bytes_with_another_type_are_refused(saved):
    path = saved[0]
    content = torch.load(path, weights_only=True)
    key = "backbone.body.conv1.0.weight"
    content["state"][key] = content["state"][key].view(torch.int32)
    torch.save(content, path)
    assert re.search(r"'body\.conv1\.0\.weight' .* type", sentence(path))


def test_a_file_that_is_replaced_after_loading_changes_nothing(saved):
    path = saved[0]
    checkpoint = load_checkpoint(path)
    with open(path, "r+b") as file:
        file.truncate(100)
    assert torch.isfinite(checkpoint["state"]["head.layers.0.weight"]).all()


@pytest.mark.parametrize("source", ["/home/me/secret/mine.pth", r"C:\Users\me\mine.pth"])
def test_an_older_checkpoint_hides_the_folder_of_its_weights(saved, source):
    path = saved[0]
    content = torch.load(path, weights_only=True)
    content["backbone"]["source"] = source
    torch.save(content, path)
    assert load_checkpoint(path)["backbone"]["source"] == "mine.pth"


def test_a_checkpoint_allows_all_image_settings_of_the_configuration():
    schema = yaml.safe_load((LIBRARY.parent / "schemas/config.schema.yaml").read_text(encoding="utf-8"))
    settings_of_images = schema["properties"]["image"]["properties"]
    rules = module.FIELDS["image"]
    assert rules.keys() == settings_of_images.keys() | {"float_white"}
    for name, rule in rules.items():
        allowed = settings_of_images.get(name, {})
        for choice in allowed.get("anyOf", [allowed]):
            ends = [choice.get(end) for end in ("minimum", "maximum", "const", "default") if end in choice]
            for value in (*ends, *choice.get("enum", [])):
                check_fields({name: value}, {name: rule})
    for method in settings_of_images["normalize"]["properties"]["method"]["enum"]:
        assert method in module.NORMALIZE


PICTURES = np.stack(
    [cv2.resize(np.random.default_rng(seed).integers(0, 256, (6, 6), np.uint8), (32, 32)) for seed in (0, 1)]
)


def answered(path):
    """Return the predictions of a checkpoint for two pictures, computed by torch without a cache."""
    checkpoint = load_checkpoint(path)

    def in_parts(pngs, backbone, *_):
        embed = TorchEmbedder(backbone, "cpu", 1)
        embed.batch = 2
        yield embedded(embed, PICTURES)[None]

    with mock.patch.object(inference, "vectors_in_parts", in_parts):
        found = inference.answers_of(checkpoint, ["a.png", "b.png"], None, 1, 1, ["e", "e"])
    assert np.isfinite(found.alone).all() and found.adapted.all() == (checkpoint["offset"] is not None)
    return found.probabilities


ODD = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.binary(max_size=3),
    st.sampled_from([10**9, -1, 0, 0.0, "../../evil", [], {}, [1e308] * 3, ["a", "a"], torch.zeros(2), torch.full((3,), math.nan)]),
    st.lists(st.floats() | st.integers() | st.text(max_size=3), max_size=3), st.dictionaries(st.text(max_size=3), st.none(), max_size=2),
)  # fmt: skip


def of_format(content, number):
    """Return the content of a checkpoint as an earlier version wrote it."""
    content = copy.deepcopy(content) | {"format": number}
    del content["offset"], content["backbone"]["pooling"], content["backbone"]["parts"]
    del content["calibration"]["adapted"]
    if number < 6:
        del content["likeness"]
    if number < 5:
        del content["calibration"]
    if number < 4:
        content["minutes"] = content.pop("times")
        del content["unit"]
    if number < 3:
        del content["backbone"]["licence"]
    return content


@pytest.mark.parametrize("number", [2, 3, 4, 5, 6])
def test_older_formats_load_and_give_the_same_answers(saved, tmp_path, number):
    torch.save(of_format(torch.load(saved[0], weights_only=True), number), tmp_path / "old.pt")
    checkpoint = load_checkpoint(tmp_path / "old.pt")
    assert (checkpoint["backbone"]["pooling"], checkpoint["backbone"]["parts"]) == ("mean", 1)
    assert checkpoint["offset"] is None and checkpoint["calibration"] == NOTHING
    assert stages_of(checkpoint) == STAGES
    np.testing.assert_array_equal(answered(tmp_path / "old.pt"), answered(saved[0]))


@pytest.mark.parametrize("damaged", [None, 3, "missing"])
def test_an_older_format_with_a_damaged_calibration_is_one_message(saved, tmp_path, damaged):
    content = of_format(torch.load(saved[0], weights_only=True), 6) | {"calibration": damaged}
    if damaged == "missing":
        del content["calibration"]
    torch.save(content, tmp_path / "old.pt")
    assert "calibration" in sentence(tmp_path / "old.pt")


@pytest.fixture(scope="module")
def whole(backbone, tmp_path_factory):
    """Return (path to write to, content of a calibrated checkpoint, its bytes)."""
    path = tmp_path_factory.mktemp("whole") / "c.pt"
    torch.manual_seed(3)
    head = with_offset(Head(WIDTH, [5], 3))
    save_checkpoint(path, backbone, head, STAGES, IMAGE | {"angles": [90, 180]}, {"note": "a"})
    sets = {"asked": 0.9, "promised": 0.8, "threshold": 0.1, "contiguous": True}
    record = {
        "calibration": {"temperature": 2.0},
        "sets": sets,
        "interval": {"asked": 0.9, "promised": 0.8, "reach": 7.5},
    }
    record |= {"alone": copy.deepcopy(record)}
    likeness = {"reference": torch.randn(3, WIDTH).half(), "threshold": 2.5}
    calibrate_checkpoint(load_checkpoint(path), record, likeness, path)
    assert answered(path).shape == (2, 3)
    return path, torch.load(path, weights_only=True), path.read_bytes()


def finite_or_one_sentence(path):
    """Return whether a checkpoint gave finite predictions; if not, check that its error is one line."""
    try:
        probabilities = answered(path)
    except FlystageError as error:
        assert "\n" not in str(error)
        return False
    assert np.isfinite(probabilities).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    return True


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_a_changed_field_gives_predictions_or_one_message(whole, data):
    path, content, _ = whole
    content = copy.deepcopy(content)
    for _ in range(data.draw(st.integers(1, 2))):
        record, name = content, data.draw(st.sampled_from(sorted(content)))
        while isinstance(record[name], dict) and record[name] and data.draw(st.integers(0, 5)):
            record = record[name]
            name = data.draw(st.sampled_from(sorted(record)))
        if isinstance(record[name], torch.Tensor) and record[name].is_floating_point() and data.draw(st.booleans()):
            record[name] = record[name] * data.draw(st.floats(width=32))
        elif data.draw(st.integers(0, 4)):
            record[name] = data.draw(ODD)
        else:
            del record[name]
    torch.save(content, path)
    finite_or_one_sentence(path)


@settings(max_examples=60, deadline=None)
@given(place=st.integers(0), change=st.binary(min_size=1, max_size=8), end=st.booleans())
def test_changed_bytes_give_predictions_or_one_message(whole, place, change, end):
    path, _, data = whole
    data = bytearray(data)
    place = place % 5000 if not end else len(data) - 1 - place % 5000  # outline, and list of the zip's members
    data[place : place + len(change)] = change
    path.write_bytes(data)
    finite_or_one_sentence(path)


def test_weights_that_overflow_together_give_one_message(whole):
    path, content, _ = whole
    content = copy.deepcopy(content)
    for number in (0, 3):
        content["state"][f"head.layers.{number}.weight"].fill_(3e38)
    torch.save(content, path)
    assert load_checkpoint(path)
    assert not finite_or_one_sentence(path)


def test_a_tensor_larger_than_its_file_gives_one_message(whole):
    path, _, data = whole
    number = struct.pack("<H", 5 * WIDTH)  # values of the head's first layer
    assert number in data
    for claimed in (0x7FFF, 0xFFFF):
        path.write_bytes(data.replace(number, struct.pack("<H", claimed)))
        assert not finite_or_one_sentence(path)
