"""Tests of data sets with other folders, names, stages and splits, up to the manifests."""

import re

import pandas as pd
import pytest
import tifffile

from small_project import write_raw

UP_TO_MANIFESTS = ["--until", "dataset"]


def catalog_of(project):
    return pd.read_csv(project.results / "catalog.csv", dtype=str, keep_default_na=False)


def test_several_raw_folders_without_stage_folders_and_a_range_of_stages(project):
    write_raw(project.folder / "first", embryos=2, minutes=(51, 54, 60), droppings=False)
    write_raw(project.folder / "second", embryos=2, minutes=(51, 54, 60), droppings=False, first_embryo=3)
    for path in list((project.folder / "second").rglob("*.tif")):
        path.rename(project.folder / "second" / path.name)
    over = {"raw": ["first", "second"], "stages": {"from": 51, "to": 60, "every": 9}}
    process = project.snakemake(*UP_TO_MANIFESTS, over=over)
    assert process.returncode == 0, process.out
    catalog = catalog_of(project)
    assert catalog["status"].value_counts().to_dict() == {"used": 8, "excluded": 4}
    assert all("stage 054" in reason for reason in catalog.loc[catalog["status"] == "excluded", "reason"])
    assert set(catalog["embryo"]) == {f"20230811-Cycle00-embryo0{number}" for number in range(1, 5)}


def test_without_a_name_pattern_the_folder_gives_the_stage(project):
    """Every image is its own embryo. Stages are ordered by number, although the text "9" sorts after "10"."""
    for number, path in enumerate(write_raw(project.folder / "made", embryos=4, minutes=(51, 87), droppings=False)):
        stage = "9 min" if "(051)" in path.name else "10 min"
        target = project.raw / stage / f'-it\'s "{number}", é.tif'
        target.parent.mkdir(parents=True, exist_ok=True)
        path.rename(target)
    process = project.snakemake(*UP_TO_MANIFESTS, over={"name_pattern": None})
    assert process.returncode == 0, process.out
    catalog = catalog_of(project)
    assert (catalog["status"] == "used").all() and catalog["embryo"].nunique() == 8
    assert all((project.folder / path).exists() for path in catalog["path"])
    stages = pd.read_csv(project.results / "stages.csv")
    assert stages["stage"].tolist() == ["9 min", "10 min"]


def test_the_same_bytes_under_two_stages_are_both_rejected(project):
    write_raw(project.raw, embryos=4, minutes=(51, 87), droppings=False)
    misfiled = project.raw / "087" / "Stage(087)-20230811-Cycle00-embryo01-2.tif"
    original = project.raw / "051" / "Stage(051)-20230811-Cycle00-embryo01-1.tif"
    misfiled.write_bytes(original.read_bytes())
    stack = project.raw / "087" / "Stage(087)-20230811-Cycle00-embryo02-3.tif"
    tifffile.imwrite(stack, [tifffile.imread(original) // 2] * 3)
    process = project.snakemake(*UP_TO_MANIFESTS)
    assert process.returncode == 0, process.out
    catalog = catalog_of(project).set_index("path")
    rejected = catalog[catalog["status"] == "rejected"]
    assert set(rejected.index) == {str(path.relative_to(project.folder)) for path in (misfiled, original)}
    assert rejected["reason"].str.contains("same bytes under another stage").all()
    assert catalog.loc[str(stack.relative_to(project.folder)), "status"] == "used"


def test_an_added_movie_never_changes_an_embryos_split(project):
    write_raw(project.raw, embryos=4, minutes=(51, 87), droppings=False)
    assert project.snakemake(*UP_TO_MANIFESTS).returncode == 0
    lock = (project.folder / "raw.split.csv").read_text()
    write_raw(project.raw, embryos=1, minutes=(51, 87), droppings=False, first_embryo=5)
    process = project.snakemake(*UP_TO_MANIFESTS)
    assert process.returncode == 0, process.out
    grown = (project.folder / "raw.split.csv").read_text()
    assert grown.startswith(lock) and grown.count("\n") == lock.count("\n") + 1

    (project.folder / "raw.split.csv").unlink()
    process = project.snakemake(*UP_TO_MANIFESTS)
    assert re.search(r"raw\.split\.csv .*results/catalog\.csv", process.out)


@pytest.mark.parametrize("embryos", [1, 2])
def test_one_or_two_embryos_stop_the_run_before_any_result(project, embryos):
    write_raw(project.raw, embryos=embryos, minutes=(51, 87), slices=3, droppings=False)
    process = project.snakemake()
    assert process.returncode != 0
    assert f"{embryos} embryo(s) cannot be split" in process.out
    assert "Traceback" not in process.out
    assert not project.results.exists() and not (project.folder / "raw.split.csv").exists()


def test_a_stage_with_one_image_has_a_folder_in_every_split(project):
    write_raw(project.raw, embryos=3, minutes=(51, 87), droppings=False)
    (only,) = write_raw(project.raw, embryos=1, minutes=(123,), droppings=False)
    process = project.snakemake(*UP_TO_MANIFESTS)
    assert process.returncode == 0, process.out
    stages = pd.read_csv(project.results / "stages.csv", dtype=str)
    assert stages[["label", "stage", "images"]].to_numpy().tolist() == [
        ["0", "051", "3"], ["1", "087", "3"], ["2", "123", "1"],
    ]  # fmt: skip
    split = catalog_of(project).set_index("path").loc[str(only.relative_to(project.folder)), "split"]
    for folder in ("train", "val", "test"):  # so that a stage has the same label in every split
        images = list((project.results / "split" / folder / "123").iterdir())
        assert bool(images) == (folder == split)


def splits(project):
    return catalog_of(project).set_index("path")["split"].to_dict()


def test_a_lock_saved_by_a_spreadsheet_changes_no_split_and_gives_a_warning(project):
    for path in write_raw(project.folder / "made", embryos=4, minutes=(51, 87), slices=1, droppings=False):
        stage, embryo = ("051" if "(051)" in path.name else "087"), path.name.split("embryo")[1][:2]
        target = project.raw / stage / f"{['3-12', '007', '1E5', '4-7'][int(embryo) - 1]}_{stage}.tif"
        target.parent.mkdir(parents=True, exist_ok=True)
        path.rename(target)
    over = {"name_pattern": r"^(?P<embryo>.+)_(?P<stage>\d+)"}
    process = project.snakemake(*UP_TO_MANIFESTS, over=over)
    assert process.returncode == 0, process.out
    before, lock = splits(project), project.folder / "raw.split.csv"
    text = lock.read_text()
    for name, saved in {"3-12": "12. Mrz", "007": "7", "1E5": "1,00E+05", "4-7": "7. Apr"}.items():
        text = text.replace(f"\n{name},", f"\n{saved};")
    lock.write_text("\ufeff" + text.replace("embryo,", "embryo;").replace("\n", "\r\n") + ";\r\n")
    for path in write_raw(project.folder / "more", embryos=2, minutes=(51, 87), droppings=False, first_embryo=7):
        path.rename(project.raw / "051" / f"{path.name.split('embryo')[1][:2]}_{path.name[6:9]}.tif")
    process = project.snakemake(*UP_TO_MANIFESTS, over=over)
    assert process.returncode == 0, process.out
    assert re.search(r"raw\.split\.csv .*\b4 embryo.*\(007, 1E5, 3-12 and 1 more\)", process.out)
    assert before.items() <= splits(project).items() and len(splits(project)) == len(before) + 4
    assert set(catalog_of(project)["embryo"]) <= {line.split(",")[0] for line in lock.read_text().splitlines()}
    process = project.snakemake("--dry-run", *UP_TO_MANIFESTS, over=over)
    assert "total        0" in process.out and "3-12" not in process.out


def test_a_corrected_pattern_keeps_splits_and_warns_of_images_that_change(project):
    write_raw(project.raw, embryos=5, minutes=(51, 87), slices=2, droppings=False)
    single = {
        "name_pattern": r"Stage\((?P<stage>\d+)\)-(?P<embryo>.*embryo\d+-\d)"
    }  # this pattern takes the slice as a part of the embryo
    process = project.snakemake(*UP_TO_MANIFESTS, over=single)
    assert process.returncode == 0, process.out
    before = splits(project)
    process = project.snakemake("--dry-run", *UP_TO_MANIFESTS)
    assert process.returncode == 0, process.out
    assert re.search(r"images change their split.*\braw/", process.out)
    longer = {"name_pattern": r"Stage\((?P<stage>\d+)\)-20230811-(?P<embryo>.*embryo\d+-\d)"}
    broken = sorted(project.raw.rglob("*.tif"))[0]
    content = broken.read_bytes()
    broken.write_bytes(b"no TIF")
    refused = project.snakemake(*UP_TO_MANIFESTS, over=longer | {"max_bad": 0})
    assert refused.returncode != 0 and not (project.results / "catalog.csv").exists()
    broken.write_bytes(content)
    process = project.snakemake(*UP_TO_MANIFESTS, over=longer)
    assert process.returncode == 0, process.out
    assert re.search(r"\b10 embryo.* new name", process.out) and "change their split" not in process.out
    assert splits(project) == before


def test_the_lock_of_the_current_folder_has_the_folders_name(project):
    folder = project.folder / "movie"
    write_raw(folder, embryos=3, minutes=(51, 87), droppings=False)
    inside = type(project)(folder)
    process = inside.snakemake(*UP_TO_MANIFESTS, over={"raw": ".", "results": "../results"})
    assert process.returncode == 0, process.out
    assert (project.folder / "movie.split.csv").exists() and not (folder / "..split.csv").exists()


def test_a_file_system_without_links_gets_copies_and_one_warning(project):
    write_raw(project.raw, embryos=3, minutes=(51, 87), droppings=False)
    (project.folder / "sitecustomize.py").write_text(
        "import os\n\ndef refused(*_, **__):\n    raise OSError(1, 'Operation not permitted')\n\nos.symlink = os.link = refused\n"
    )
    process = project.snakemake(*UP_TO_MANIFESTS, env={"PYTHONPATH": str(project.folder)})
    assert process.returncode == 0, process.out
    assert len(re.findall(r"symbolic links\b.*\bcopies", process.out)) == 1
    pngs = list((project.results / "split").glob("*/*/*.png"))
    assert pngs and not any(path.is_symlink() for path in pngs)
