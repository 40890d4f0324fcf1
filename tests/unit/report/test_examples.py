"""The worst errors come first with their neighbours in time, and occlusion maps are orange and blue."""

import base64

import cv2
import numpy as np
import pandas as pd
import pytest

from flystage.raw.stages import Stages
from flystage.report.examples import LITTLE, looked_at, thumbnail, worst_errors

STAGES = Stages(["051", "060", "069", "078"], [51, 60, 69, 78], "min")


def predictions(rows, stages=STAGES):
    """A table as the evaluation's. rows: (embryo, true label, suggested label, probability of the truth)."""
    table = pd.DataFrame(rows, columns=["embryo", "true", "first", "p"])
    names = np.array(stages.names)
    answers = np.full((len(table), len(names)), 0.05)
    answers[np.arange(len(table)), table["first"]] = 0.8
    answers[np.arange(len(table)), table["true"]] = table["p"]
    errors = 9.0 * (table["first"] - table["true"]) if stages.unit else np.nan
    return pd.DataFrame(
        {"source": [f"{number}.tif" for number in range(len(table))], "stage": names[table["true"]], "embryo": table["embryo"],
         "predicted": names[table["first"]], "time_error": errors, "png": ""}
        | {f"p_{name}": answers[:, place] for place, name in enumerate(names)}
    )  # fmt: skip


ROWS = [("a", 0, 0, 0.8), ("a", 1, 2, 0.02), ("a", 2, 0, 0.3), ("a", 3, 3, 0.8), ("b", 0, 3, 0.1), ("b", 2, 2, 0.8)]


def test_largest_errors_in_time_come_first_without_correct_images():
    found = worst_errors(predictions(ROWS), STAGES)
    assert [each["source"] for each in found] == ["4.tif", "2.tif", "1.tif"]
    assert [each["time_error"] for each in found] == [27, -18, 9]
    assert (found[0]["stage"], found[0]["predicted"], found[0]["embryo"]) == ("051", "078", "b")
    assert (found[0]["p_true"], found[0]["p_predicted"]) == (0.1, 0.8)
    assert [each["source"] for each in worst_errors(predictions(ROWS), STAGES, most=2)] == ["4.tif", "2.tif"]


def test_without_order_the_least_probable_true_stages_come_first():
    stages = Stages(["early", "late", "middle", "odd"])
    assert [each["source"] for each in worst_errors(predictions(ROWS, stages), stages)] == ["1.tif", "4.tif", "2.tif"]


def test_an_error_is_shown_with_the_embryo_a_stage_before_and_after():
    by_source = {each["source"]: each["pictures"] for each in worst_errors(predictions(ROWS), STAGES)}
    shown = {source: [(each["role"], each["stage"]) for each in pictures] for source, pictures in by_source.items()}
    assert shown == {
        "1.tif": [("before", "051"), ("wrong", "060"), ("after", "069")],
        "2.tif": [("before", "060"), ("wrong", "069"), ("after", "078")],
        "4.tif": [("before", ""), ("wrong", "051"), ("after", "069")],
    }  # fmt: skip


@pytest.fixture
def png(tmp_path):
    picture = np.zeros((64, 64), np.uint8)
    picture[16:48, 8:56] = np.linspace(40, 120, 48).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), picture)
    return str(tmp_path / "a.png")


def decoded(text):
    return cv2.imdecode(np.frombuffer(base64.b64decode(text), np.uint8), cv2.IMREAD_COLOR).astype(int)


def test_a_thumbnail_has_no_margin_and_more_contrast(png):
    shown = decoded(thumbnail(png))
    assert shown.shape[0] < 40 and shown.min() < 20 and shown.max() > 235
    assert thumbnail(None) is None and thumbnail("") is None and thumbnail("missing.png") is None


def looked(png, drops):
    (found,) = looked_at([{"png": png, "drops": drops, "box": [16, 8, 48, 56]}])
    return found


def test_parts_that_support_the_suggestion_are_orange_others_blue(png):
    found = looked(png, [[0.4, 0.0, -0.4]])
    assert np.ptp(decoded(found["plain"]), axis=2).max() < 10  # grey
    left, middle, right = np.array_split(decoded(found["coloured"]), 3, axis=1)  # blue, green, red
    redder = [(part[..., 2] - part[..., 0])[:, 3:-3].mean() for part in (left, middle, right)]
    assert redder[0] > 100 and abs(redder[1]) < 10 and redder[2] < -50
    assert found["largest"] == pytest.approx(0.4)


def test_small_changes_are_faint_and_a_missing_png_gives_no_picture(png):
    faint, strong = (decoded(looked(png, [[drop]])["coloured"]) for drop in (LITTLE / 10, LITTLE))
    assert (strong[..., 2] - strong[..., 0]).mean() > 100 > 30 > (faint[..., 2] - faint[..., 0]).mean()
    gone = looked("gone.png", [[0.1]])
    assert gone["plain"] is None and gone["coloured"] is None and gone["largest"] == pytest.approx(0.1)
