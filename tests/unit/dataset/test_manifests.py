"""Test manifests, and split folders on all kinds of file systems."""

import errno
import os
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flystage.dataset.manifests import (
    MANIFEST,
    build_manifests,
    link_split_folders,
    read_manifest,
    unrotated_pngs,
    write_content,
)

SPLITS = ("train", "val", "test")


@pytest.fixture
def manifests(tmp_path, monkeypatch):
    """One PNG in each of two splits, with different stages."""
    monkeypatch.chdir(tmp_path)
    Path("results/images").mkdir(parents=True)
    made = {}
    for split, stage in zip(SPLITS, ["051", "060", None], strict=True):
        pngs = [] if stage is None else [f"results/images/{split}.png"]
        for png in pngs:
            Path(png).write_bytes(split.encode())
        made[split] = pd.DataFrame({"png": pngs, "stage": [stage] * len(pngs)})
    return made


def refuse(monkeypatch, number, *names):
    def refused(*arguments, **named):
        raise OSError(number, os.strerror(number))

    for name in names:
        monkeypatch.setattr(os, name, refused)


def contents():
    return {str(path): path.read_bytes() for path in Path("results/split").rglob("*.png")}


EXPECTED = {"results/split/train/051/train.png": b"train", "results/split/val/060/val.png": b"val"}


def test_split_folders_are_relative_links_with_a_folder_per_stage(manifests, caplog):
    link_split_folders(manifests, "results/split")
    assert contents() == EXPECTED and caplog.messages == []
    assert os.readlink("results/split/train/051/train.png") == "../../../images/train.png"
    assert {str(path) for path in Path("results/split").glob("*/*")} == {
        f"results/split/{split}/{stage}" for split in SPLITS for stage in ("051", "060")
    }


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EACCES, errno.EINVAL])
def test_hard_links_replace_symbolic_links_with_one_warning(manifests, monkeypatch, caplog, number):
    refuse(monkeypatch, number, "symlink")
    link_split_folders(manifests, "results/split")
    assert contents() == EXPECTED
    assert os.path.samefile("results/split/val/060/val.png", "results/images/val.png")
    (message,) = caplog.messages
    assert "symbolic links" in message and "hard links" in message


def test_copies_replace_hard_links_with_one_warning(manifests, monkeypatch, caplog):
    refuse(monkeypatch, errno.EPERM, "symlink", "link")
    link_split_folders(manifests, "results/split")
    assert contents() == EXPECTED
    assert not os.path.samefile("results/split/val/060/val.png", "results/images/val.png")
    (message,) = caplog.messages
    assert "symbolic links" in message and "copies" in message


def test_a_full_disk_does_not_lead_to_copies(manifests, monkeypatch):
    refuse(monkeypatch, errno.ENOSPC, "symlink")
    with pytest.raises(OSError, match="No space left"):
        link_split_folders(manifests, "results/split")
    assert contents() == {}


def folders_of(*stages):
    """Return the folders of stages in each split and their files. One PNG of each stage is in training."""
    Path("results/images").mkdir(parents=True)
    pngs = [f"results/images/{place}.png" for place in range(len(stages))]
    for png, stage in zip(pngs, stages, strict=True):
        Path(png).write_text(stage, encoding="utf-8")
    table = pd.DataFrame({"png": pngs, "stage": stages})
    link_split_folders({"train": table, "val": table.iloc[:0], "test": table.iloc[:1]}, "results/split")
    return {path.name for path in Path("results/split/train").iterdir()}


HOSTILE = (
    *(
        "..",
        ".",
        "../../../outside",
        "/etc",
        "a/b",
        "a/../b",
        "..\\..\\c",
        "C:\\d",
        "-rf",
        "--help",
        "con",
        "é",
        "x" * 300,
        "$(id)",
    ),
    *("a", "A", "a b", "*", "~", "|", "שלב", "期" * 90),
)


def test_hostile_stage_names_get_separate_folders_in_their_split(tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    found = folders_of(*HOSTILE)
    assert len(found) == len(HOSTILE)
    assert {path.name for path in tmp_path.iterdir()} == {"results"}
    assert {path.name for path in Path("results").iterdir()} == {"images", "split"}
    assert {path.name for path in Path("results/split").iterdir()} == set(SPLITS)
    assert {"-rf", "--help", "con", "é", "$(id)", "a", "A", "a b", "*", "~", "|", "שלב"} <= found
    inside = {
        path.read_text(encoding="utf-8"): path.parent.name for path in Path("results/split/train").glob("*/*.png")
    }
    assert set(inside) == set(HOSTILE) and set(inside.values()) == found
    renamed = {stage for stage, folder in inside.items() if stage != folder}
    assert renamed == {*HOSTILE[:8], "x" * 300, "期" * 90} and len(caplog.messages) == len(renamed)
    assert "'..' in results/split is named stage-" in caplog.text
    for split in SPLITS:
        assert {path.name for path in Path("results/split", split).iterdir()} == found


NAMES = st.text(st.sampled_from("./\\-aA é~\x00\n$*"), min_size=1, max_size=6)


@settings(max_examples=12, deadline=None)
@given(st.sets(NAMES, min_size=1, max_size=6))
def test_any_stage_name_gives_one_folder_in_its_split(tmp_path_factory, stages):
    folder = tmp_path_factory.mktemp("run") / "split"
    png = folder.parent / "0.png"
    png.write_bytes(b"")
    table = pd.DataFrame({"png": str(png), "stage": sorted(stages)})
    link_split_folders({"train": table, "val": table.iloc[:0]}, folder)
    assert sorted(path.name for path in folder.parent.iterdir()) == ["0.png", "split"]
    assert sorted(path.name for path in folder.iterdir()) == ["train", "val"]
    found = [path.relative_to(folder / "train").parts for path in (folder / "train").rglob("*.png")]
    assert len(found) == len(set(found)) == len(stages) and all(len(parts) == 2 for parts in found)
    assert {parts[0] for parts in found} == {path.name for path in (folder / "val").iterdir()}


def test_stages_that_differ_in_case_do_not_share_a_folder_on_any_disk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    mkdir = os.mkdir
    lower = lambda path: str(path).lower() if "/.names-" in str(path) else path  # noqa: E731
    monkeypatch.setattr(os, "mkdir", lambda path, *mode, **named: mkdir(lower(path), *mode, **named))
    found = folders_of("A", "a", "a-e8b7be43", "b")
    assert {"A", "b"} < found and len(found) == len({name.lower() for name in found}) == 4


def prepared(*rows):
    """A table of `prepare`: (path, stage, embryo, split, png, angle)."""
    return pd.DataFrame(rows, columns=["path", "stage", "embryo", "split", "png", "angle"]).assign(frame="")


TABLE = prepared(
    ("b.tif", "100", "e1", "train", "b-90.png", "90"),
    ("b.tif", "100", "e1", "train", "b-0.png", "0"),
    ("a.tif", "9", "e2", "train", "a-0.png", "0"),
    ("c.tif", "9", "e3", "val", "c-0.png", "0"),
    ("d.tif", "100", "e4", "test", "", ""),
    ("d.tif", "100", "e4", "test", "d-0.png", "0"),
    ("x.tif", "50", "e5", "test", "x-0.png", "0"),
)
CATALOG = pd.DataFrame(
    [
        (path, "", stage, "used", "reviewed" if path == "b.tif" else "given")
        for path, stage in (("a.tif", "9"), ("b.tif", "100"), ("c.tif", "9"), ("d.tif", "100"), ("e.tif", "100"))
    ]
    + [("x.tif", "", "50", "rejected", "given")],
    columns=["path", "frame", "stage", "status", "origin"],
)


def test_manifests_list_the_pngs_of_used_tifs():
    manifests, _ = build_manifests(TABLE, CATALOG)
    rows = {split: list(manifest.itertuples(index=False, name=None)) for split, manifest in manifests.items()}
    assert rows == {
        "train": [
            ("a-0.png", "9", 0, "e2", 0, "a.tif", "given"),
            ("b-0.png", "100", 1, "e1", 0, "b.tif", "reviewed"),
            ("b-90.png", "100", 1, "e1", 90, "b.tif", "reviewed"),
        ],
        "val": [("c-0.png", "9", 0, "e3", 0, "c.tif")],
        "test": [("d-0.png", "100", 1, "e4", 0, "d.tif")],
    }


def test_without_suggestions_the_manifest_has_no_origin(tmp_path):
    manifests, _ = build_manifests(TABLE, CATALOG.assign(origin="given"))
    assert list(manifests["train"].columns) == MANIFEST
    manifests["train"].to_csv(tmp_path / "train.csv", index=False)
    assert read_manifest(tmp_path / "train.csv")["origin"].unique().tolist() == ["given"]


def test_the_stage_table_counts_images_instead_of_rotations():
    _, stages = build_manifests(TABLE, CATALOG)
    assert stages[["label", "stage", "images"]].to_numpy().tolist() == [[0, "9", 2], [1, "100", 3]]
    assert stages["time"].tolist() == [9, 100]


def test_unrotated_pngs_have_angle_zero_and_keep_their_order(tmp_path):
    manifests, _ = build_manifests(TABLE, CATALOG)
    for split in ("val", "train"):
        manifests[split].to_csv(tmp_path / f"{split}.csv", index=False)
    assert unrotated_pngs([tmp_path / "val.csv", tmp_path / "train.csv"]) == ["c-0.png", "a-0.png", "b-0.png"]


PNGS = pd.DataFrame(
    [(f"{name}-{angle:03d}.png", "9", 0, "e1", angle, f"{name}.tif") for name in "ab" for angle in (0, 90)],
    columns=MANIFEST,
)
BYTES = pd.DataFrame({"png": PNGS["png"], "png_sha256": ["1", "2", "3", "4"]})


@pytest.fixture
def content(tmp_path):
    """Return a function that gives the checksum of a manifest and the tables of `prepare`."""

    def checksum(manifest, prepared=BYTES):
        write_content(manifest, prepared, tmp_path / "content")
        return (tmp_path / "content").read_text()

    return checksum


def elsewhere(table):
    """Return a table with other folders and names of TIFs and PNGs."""
    return table.assign(**{name: "/disk/x" + table[name] for name in ("png", "source") if name in table})


def test_the_content_of_a_manifest_ignores_folders_and_names(content):
    assert content(elsewhere(PNGS), elsewhere(BYTES)) == content(PNGS)
    assert content(PNGS.assign(origin="given")) == content(PNGS)
    others = pd.concat([BYTES, pd.DataFrame({"png": ["", "z-000.png"], "png_sha256": ["", "9"]})])
    assert content(PNGS, others) == content(PNGS)  # a rejected image, and one of another split


CROSSED = ["a-000.png", "b-000.png", "a-090.png", "b-090.png"]
CHANGED = {
    "the bytes of a PNG": (PNGS, BYTES.assign(png_sha256=["1", "2", "3", "5"])),
    "the order": (PNGS[::-1], BYTES),
    "a PNG removed": (PNGS[:3], BYTES),
    "a stage": (PNGS.assign(stage="8"), BYTES),
    "a label": (PNGS.assign(label=1), BYTES),
    "an embryo": (PNGS.assign(embryo="e2"), BYTES),
    "an angle": (PNGS.assign(angle=45), BYTES),
    "an origin": (PNGS.assign(origin="reviewed"), BYTES),
    "PNGs of other images": (PNGS.assign(png=CROSSED), BYTES.assign(png=CROSSED)),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGED)
def test_what_a_training_sees_changes_the_content(content, change):
    assert content(*CHANGED[change]) != content(PNGS)
