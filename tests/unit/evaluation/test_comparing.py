"""The table of variants has paired differences to the first variant and the bias of the validation figures."""

import numpy as np
import pandas as pd
import pytest

from flystage.core.tables import write_csv
from flystage.evaluation.comparing import by_how_much_validation_flatters, comparison, manifest_of_images
from flystage.raw.stages import Stages

STAGES = Stages(["051", "060", "069"], [51, 60, 69], "min")
LABELS = [0, 1, 2, 0, 1, 2, 0, 1]


@pytest.fixture
def compared(answered, tmp_path):
    """Return a function(names of variants in order, {(variant, way of measuring): suggested labels}) -> the table."""

    def compared(variants, suggested):
        paths = {"validation": [], "folds": []}
        for (name, measured_on), labels in suggested.items():
            path = tmp_path / name / f"{measured_on}.csv"
            write_csv(answered(LABELS, labels).drop(columns=["png", "split"]), path)
            paths[measured_on].append(str(path))
        return comparison(*paths.values(), dict.fromkeys(variants, {}), STAGES, [1])

    return compared


def test_differences_to_the_first_variant_are_paired(compared):
    wrong = [2, 1, 2, 0, 0, 2, 0, 1]  # one of four in each embryo
    table = compared(["b", "a"], {("a", "folds"): wrong, ("b", "folds"): LABELS})
    assert table["variant"].tolist() == ["b", "a"]
    assert np.isnan(table.loc[0, "top_1_minus_first"])
    difference = table.loc[1, ["top_1_minus_first", "top_1_minus_first_low", "top_1_minus_first_high"]].tolist()
    assert difference == pytest.approx([-0.25] * 3)
    assert table.loc[1, "mae_minus_first"] == pytest.approx((18 + 9) / 8)


def test_the_bias_of_validation_needs_both_measurements(compared):
    half = [0, 1, 2, 0, 0, 0, 1, 0]
    table = compared(["a"], {("a", "validation"): LABELS, ("a", "folds"): half})
    assert by_how_much_validation_flatters(table, 1) == pytest.approx(0.5)
    assert by_how_much_validation_flatters(compared(["a"], {("a", "validation"): LABELS}), 1) is None


def test_each_way_of_measuring_has_its_first_variant_and_row_order(compared):
    half = [0, 1, 2, 0, 0, 0, 1, 0]
    suggested = {("b", "validation"): half, ("a", "validation"): LABELS, ("b", "folds"): LABELS, ("c", "folds"): half}
    table = compared(["c", "a", "b"], suggested)
    assert table[["variant", "measured_on"]].to_numpy().tolist() == [
        ["c", "folds"], ["a", "validation"], ["b", "validation"], ["b", "folds"],
    ]  # fmt: skip
    assert table["top_1_minus_first"].isna().tolist() == [True, True, False, False]
    assert table["top_1_minus_first"].tolist()[2:] == pytest.approx([-0.5, 0.5])
    assert (table["images"].tolist(), table["embryos"].tolist()) == ([8] * 4, [2] * 4)


def test_every_figure_has_its_interval_and_chance(compared):
    row = compared(["a"], {("a", "folds"): [0, 1, 2, 0, 0, 0, 1, 0]}).iloc[0]
    assert row["top_1"] == 0.5 and row["top_1_chance"] == pytest.approx(1 / 3)
    assert row["within_one"] == pytest.approx(7 / 8) and row["mae"] == pytest.approx((9 + 18 + 9 + 9) / 8)
    assert row["mae_chance"] == pytest.approx((3 + 2) * 9 / 8)  # always guessing 60
    for figure in ("top_1", "within_one", "mae"):
        assert row[f"{figure}_low"] < row[figure] < row[f"{figure}_high"]


def test_changes_of_a_variant_hide_the_folder_of_its_weights(answered, tmp_path):
    variants = {"plain": {}, "mine": {"model": {"weights": "/home/jane/w.pth"}, "image": {"angles": []}}}
    paths = []
    for name in variants:
        write_csv(answered(LABELS, LABELS).drop(columns=["png", "split"]), tmp_path / name / "validation.csv")
        paths.append(str(tmp_path / name / "validation.csv"))
    table = comparison(paths, [], variants, STAGES, [1])
    assert table["changes"].tolist() == ["nothing", "model: {weights: w.pth}, image: {angles: []}"]
    assert variants["mine"]["model"]["weights"] == "/home/jane/w.pth"


def prepared(rows):
    """Return tables as of `prepare_bucket`, as text. rows: (picture, angle)."""
    table = pd.DataFrame([(f"other/{name}-{angle:03d}.png", str(angle), f"raw/{name}.tif") for name, angle in rows],
                         columns=["png", "angle", "path"])  # fmt: skip
    return table.assign(stage="051", embryo="e1")


def test_a_variant_has_the_same_images_at_its_own_angles(caplog):
    manifest = pd.DataFrame({"png": [f"images/{name}-{angle:03d}.png" for name in "ab" for angle in (0, 90)], "stage": "051",
                             "label": 0, "embryo": "e1", "angle": [0, 90] * 2, "source": "raw/x.tif", "origin": "given"})  # fmt: skip
    other = prepared([("b", 0), ("a", 0), ("a", 45), ("a", 90), ("stranger", 0)])
    table = manifest_of_images(manifest, other, [0, 45])
    assert table["png"].tolist() == ["other/b-000.png", "other/a-000.png", "other/a-045.png"]
    assert list(table.columns) == list(manifest.columns) and table["source"].tolist()[0] == "raw/b.tif"
    assert table["label"].tolist() == [0] * 3 and not caplog.messages
    manifest_of_images(manifest, prepared([("a", 0)]), [0])
    (message,) = caplog.messages
    assert message.startswith("1 of 2 images") and "variant" in message
