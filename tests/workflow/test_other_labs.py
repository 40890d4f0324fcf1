"""Tests of other labs' data: stages in words, label tables, movies in one file, floats, saturated images."""

import json
import re

import numpy as np
import pandas as pd
import pytest
import tifffile
from openpyxl import Workbook

from small_project import write_raw

UP_TO_MANIFESTS = ["--until", "dataset"]


def table(project, name):
    return pd.read_csv(project.results / name, dtype=str, keep_default_na=False)


def by_folder(project, words, embryos=4):
    """Write images in folders with these names: 051/Stage(051)-...-embryo01-1.tif becomes <word>/...-embryo01-1.tif."""
    minutes = range(51, 51 + 9 * len(words), 9)
    for path in write_raw(project.folder / "made", embryos=embryos, minutes=minutes, droppings=False):
        word = words[(int(re.search(r"\((\d+)\)", path.name)[1]) - 51) // 9]
        target = project.raw / word / path.name.split(")-")[1]
        target.parent.mkdir(parents=True, exist_ok=True)
        path.rename(target)


def test_stages_in_words_keep_the_order_of_the_list(project):
    words = ["1-cell", "64-cell", "30% epiboly", "prim-5"]
    by_folder(project, words)
    process = project.snakemake(over={"stages": words})
    assert process.returncode == 0, process.out
    assert re.search(r"\b4 stages\b.* without times", process.out)
    stages = table(project, "stages.csv")
    assert stages["stage"].tolist() == words and (stages["time"] == "").all() and (stages["unit"] == "stages").all()
    metrics = json.loads((project.results / "evaluation/metrics.json").read_text(encoding="utf-8"))
    assert metrics["stages"] == words and metrics["mae"]["unit"] == "stages" and 0 <= metrics["mae"]["value"] <= 3
    predictions = pd.read_csv(project.results / "evaluation/predictions.csv")
    probabilities = predictions[[f"p_{word}" for word in words]].to_numpy()
    true = predictions["stage"].map(words.index)
    np.testing.assert_allclose(predictions["time_error"], probabilities @ np.arange(4) - true, atol=1e-3)
    assert predictions[["minutes_error", "expected_time"]].isna().all(axis=None)
    page = (project.results / "report.html").read_text(encoding="utf-8")
    assert re.search("mean error[^<]* stages", page) and " min<" not in page
    for split in ("train", "val", "test"):
        assert {folder.name for folder in (project.results / "split" / split).iterdir()} == set(words)


def test_hours_in_stage_names_are_read_as_hours(project):
    by_folder(project, ["24hpf", "4.7hpf", "2dpf"])
    process = project.snakemake(*UP_TO_MANIFESTS)
    assert process.returncode == 0, process.out
    stages = table(project, "stages.csv")
    assert stages[["stage", "time", "unit"]].values.tolist() == [
        ["4.7hpf", "4.7", "h"],
        ["24hpf", "24.0", "h"],
        ["2dpf", "48.0", "h"],
    ]


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_label_table_sets_stages_and_a_changed_row_reruns_its_bucket(project, kind):
    by_folder(project, ["a", "b"], embryos=4)
    rows = [["file", "stage", "embryo", "use"]]
    for number, path in enumerate(sorted(project.raw.rglob("*.tif"))):
        embryo = re.search(r"Cycle\d+-embryo\d+", path.name)[0]
        rows.append(
            [
                path.relative_to(project.raw).as_posix(),
                ["early", "late"][number % 2],
                embryo,
                "no" if number == 0 else None,
            ]
        )
    rows.append(["a/vanished.tif", "early", "e9", None])
    left_out = rows.pop(2)

    def write(name):
        if kind == "csv":
            lines = [";".join(cell or "" for cell in row) for row in rows]
            (project.folder / name).write_text("\ufeff" + "\r\n".join(lines), encoding="utf-8")
        else:
            workbook = Workbook()
            for row in rows:
                workbook.active.append(row)
            workbook.save(project.folder / name)

    name = f"labels.{kind}"
    write(name)
    over = {"labels": name, "name_pattern": None, "stages": ["early", "late"]}
    process = project.snakemake(*UP_TO_MANIFESTS, over=over)
    assert process.returncode == 0, process.out
    assert f"({name}, line {len(rows)}: a/vanished.tif)" in process.out
    catalog = table(project, "catalog.csv")
    assert catalog["status"].value_counts().to_dict() == {"used": 6, "excluded": 2}
    by_path = catalog.set_index("path")
    assert re.search(rf"\bno\b.*\({re.escape(name)}, line 2\)", by_path.loc[f"raw/{rows[1][0]}", "reason"])
    assert by_path.loc[f"raw/{left_out[0]}", "reason"].endswith(f" {name}")
    for image, stage, embryo, _ in rows[2:-1]:
        assert by_path.loc[f"raw/{image}", ["stage", "embryo"]].tolist() == [stage, embryo]
    assert set(table(project, "stages.csv")["stage"]) == {"early", "late"}

    rows[2][1] = "late" if rows[2][1] == "early" else "early"
    write(name)
    process = project.snakemake("--dry-run", *UP_TO_MANIFESTS, over=over)
    assert re.search(r"^prepare +1$", process.out, re.MULTILINE) and re.search(
        r"^dataset +1$", process.out, re.MULTILINE
    )


def test_each_movie_of_floats_is_one_embryo_and_all_share_one_white_level(project):
    project.raw.mkdir()
    for number in range(4):
        frames = np.random.default_rng(number).random((5, 3, 40, 60)).astype(np.float32) * 0.16
        frames[:, 1] += 0.01 * np.arange(5)[:, None, None]
        frames[0, 1, 5, 5] = 1.001 if number == 2 else 0.2  # one hot pixel
        tifffile.imwrite(project.raw / f"fish{number}.ome.tif", frames, metadata={"axes": "TZYX"}, ome=True)
    over = {"name_pattern": r"(?P<embryo>fish\d+)", "frames": {"first": 4, "every": 0.5}, "time_unit": "h"}
    process = project.snakemake(*UP_TO_MANIFESTS, over=over)
    assert process.returncode == 0, process.out
    assert re.search(r"\bfloats\b.* 1 for the whole data set", process.out)
    assert json.loads((project.folder / "raw.white.json").read_text())["white"] == 1
    catalog = table(project, "catalog.csv")
    assert (
        len(catalog) == 20
        and (catalog["status"] == "used").all()
        and (catalog.groupby("path")["split"].nunique() == 1).all()
    )
    assert catalog.loc[catalog["path"] == "raw/fish2.ome.tif", ["frame", "stage"]].values.tolist() == [
        ["1", "4"], ["2", "4.5"], ["3", "5"], ["4", "5.5"], ["5", "6"],
    ]  # fmt: skip
    assert table(project, "stages.csv")["unit"].tolist() == ["h"] * 5
    darkest = catalog.set_index(["path", "frame"])["png_maximum"].astype(int)
    assert darkest["raw/fish2.ome.tif"].min() > 150  # one hot pixel does not darken the picture
    manifest = pd.concat([table(project, f"manifests/{split}.csv") for split in ("train", "val", "test")])
    assert manifest["png"].is_unique and all((project.folder / png).exists() for png in manifest["png"])
    assert len(manifest[manifest["angle"] == "0"]) == 20


def test_saturated_images_stop_the_run_before_preparing_and_check_shows_why(project):
    for path in write_raw(project.raw, embryos=4, minutes=(51, 87), droppings=False):
        tifffile.imwrite(path, tifffile.imread(path) // 2 + 30000)
    process = project.snakemake()
    assert process.returncode != 0 and re.search(r"\b8 of 8 images\b.*\bsaturate", process.out)
    assert "image.normalize: {method: percentile}" in process.out and not (project.results / "images").exists()
    process = project.snakemake("check")
    page = (project.results / "check/check.html").read_text(encoding="utf-8")
    assert process.returncode != 0 and '<p class="fault">' in page
    over = {"image": {"normalize": {"method": "percentile"}}}
    process = project.snakemake("check", over=over)
    assert process.returncode == 0, process.out
    page = (project.results / "check/check.html").read_text(encoding="utf-8")
    assert '<p class="fault">' not in page and page.count("data:image/jpeg;base64,") == 8
    assert not (project.results / "images").exists() and not (project.folder / "raw.split.csv").exists()


def test_suggest_finds_a_pattern_if_the_given_one_fits_no_names(project):
    by_folder(project, ["4hpf", "6hpf"])
    for path in list(project.raw.rglob("*.tif")):
        path.rename(
            path.with_name(
                path.name.replace("20230811-Cycle00-embryo", "fish_").replace("20230811-Cycle01-embryo", "fish_1")
            )
        )
    process = project.snakemake(over={"name_pattern": "zebra(?P<embryo>x)"})
    assert process.returncode != 0 and "snakemake --cores 1 suggest" in process.out
    process = project.snakemake("suggest", over={"name_pattern": "zebra(?P<embryo>x)"})
    assert process.returncode == 0, process.out
    pattern = re.search(r"^name_pattern: (.*)$", process.out, flags=re.MULTILINE)[1]
    process = project.snakemake("check", over={"name_pattern": pattern})
    assert process.returncode == 0 and "4 embryos" in process.out, process.out
