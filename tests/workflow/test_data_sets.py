"""Data sets of other shapes, through the real Snakefile up to the manifests."""

import pandas as pd
import pytest
import tifffile

from small_project import write_raw

UP_TO_MANIFESTS = ["--until", "dataset"]


def catalog_of(project):
    return pd.read_csv(project.results / "catalog.csv", dtype=str, keep_default_na=False)


def test_flat_folders_several_of_them_and_a_choice_of_stages(project):
    write_raw(project.folder / "first", embryos=2, minutes=(51, 54, 60), droppings=False)
    write_raw(project.folder / "second", embryos=2, minutes=(51, 54, 60), droppings=False, first_embryo=3)
    for path in list((project.folder / "second").rglob("*.tif")):
        path.rename(project.folder / "second" / path.name)
    over = {"raw": ["first", "second"], "stages": {"from": 51, "to": 60, "every": 9}}
    process = project.snakemake(*UP_TO_MANIFESTS, over=over)
    assert process.returncode == 0, process.out
    catalog = catalog_of(project)
    assert catalog["status"].value_counts().to_dict() == {"used": 8, "excluded": 4}
    assert set(catalog.loc[catalog["status"] == "excluded", "reason"]) == {"stage 054 is not selected"}
    assert set(catalog["embryo"]) == {f"20230811-Cycle00-embryo0{number}" for number in range(1, 5)}


def test_names_that_say_nothing(project):
    """Stage from the folder, every image its own embryo, and class order by number although "9" sorts after "10"."""
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
    assert rejected["reason"].str.startswith("same bytes under another stage").all()
    assert catalog.loc[str(stack.relative_to(project.folder)), "status"] == "used"


def test_an_added_movie_moves_nobody(project):
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
    assert "The split lock raw.split.csv is gone; the split is taken from results/catalog.csv" in process.out


@pytest.mark.parametrize("embryos", [1, 2])
def test_one_or_two_embryos_are_too_few_and_that_is_one_sentence(project, embryos):
    write_raw(project.raw, embryos=embryos, minutes=(51, 87), slices=3, droppings=False)
    process = project.snakemake()
    assert process.returncode != 0
    assert f"{embryos} embryo(s) cannot be split into train, val and test, which need one each" in process.out
    assert "Traceback" not in process.out
    assert not project.results.exists() and not (project.folder / "raw.split.csv").exists()


def test_a_stage_with_one_image_has_its_place_in_every_split_folder(project):
    write_raw(project.raw, embryos=3, minutes=(51, 87), droppings=False)
    (only,) = write_raw(project.raw, embryos=1, minutes=(123,), droppings=False)
    process = project.snakemake(*UP_TO_MANIFESTS)
    assert process.returncode == 0, process.out
    stages = pd.read_csv(project.results / "stages.csv", dtype=str)
    assert stages[["label", "stage", "images"]].to_numpy().tolist() == [
        ["0", "051", "3"], ["1", "087", "3"], ["2", "123", "1"],
    ]  # fmt: skip
    split = catalog_of(project).set_index("path").loc[str(only.relative_to(project.folder)), "split"]
    for folder in ("train", "val", "test"):  # so that classes have the same number everywhere
        images = list((project.results / "split" / folder / "123").iterdir())
        assert bool(images) == (folder == split)
