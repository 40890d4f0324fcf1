"""Test that catalog, manifests and split folders are made from the buckets' tables without duplicates."""

import os
from pathlib import Path

import pytest

from flystage.core.errors import FlystageError
from flystage.core.tables import write_csv
from flystage.dataset.catalog import CATALOG, build_catalog, check_catalog, read_tables
from flystage.dataset.manifests import MANIFEST, build_manifests, link_split_folders, read_manifest, read_stages
from flystage.images.preparing import COLUMNS
from flystage.raw.stages import Stages

SPLIT = {"e1": "train", "e2": "val", "e3": "test"}


@pytest.fixture
def prepared(tmp_path):
    """A function that writes tables as `prepare` does, from (path, stage, embryo, bytes or None, picture) rows, and reads them.

    A row without a picture gets one that depends on its bytes.
    """

    def make(*rows):
        paths = []
        for number, (path, stage, embryo, content, *picture) in enumerate(rows):
            common = dict.fromkeys(COLUMNS, "") | {
                "path": path,
                "stage": stage,
                "embryo": embryo,
                "split": SPLIT[embryo],
            }
            if content is None:
                lines = [common | {"status": "rejected", "reason": "empty file", "sha256": "0"}]
            else:
                angles = (0, 90) if embryo == "e1" else (0,)
                lines = [
                    common
                    | {"status": "used", "sha256": content, "angle": str(angle), "levels": "9", "png_levels": "7"}
                    | {"picture": picture[0] if picture else f"picture of {content}"}
                    | {"png": str(tmp_path / "images" / f"{Path(path).stem}-{number}-{angle:03d}.png")}
                    for angle in angles
                ]
            table = tmp_path / f"{number}.csv"
            with open(table, "w", encoding="utf-8") as file:
                file.write(",".join(COLUMNS) + "\n")
                file.writelines(",".join(line[column] for column in COLUMNS) + "\n" for line in lines)
            paths.append(table)
        return read_tables(paths)

    return make


THREE = [("r/100/a.tif", "100", "e1", "A"), ("r/9/b.tif", "9", "e2", "B"), ("r/051/c.tif", "051", "e3", "C")]


def reasons(catalog):
    return dict(zip(catalog["path"], zip(catalog["status"], catalog["reason"], strict=True), strict=True))


def sentence(function, *arguments):
    with pytest.raises(FlystageError) as refused:
        function(*arguments)
    assert "\n" not in str(refused.value) and str(refused.value).endswith(".")
    return str(refused.value)


def test_every_tif_found_is_in_the_catalog_once(prepared):
    found = [
        ("r/xx/d.tif", "xx", "e4", "excluded", "stage xx is not selected", "", "given"),
        ("r/e.tif", "", "e5", "rejected", "no stage: not in its name, and not in a stage folder", "", "given"),
    ]
    catalog = build_catalog(prepared(*THREE, ("r/9/f.tif", "9", "e1", None)), found, [("r/9/b.tif", "", "blind")])
    assert list(catalog.columns)[: len(CATALOG)] == CATALOG
    assert catalog["path"].tolist() == sorted(
        ["r/100/a.tif", "r/9/b.tif", "r/051/c.tif", "r/xx/d.tif", "r/e.tif", "r/9/f.tif"]
    )
    assert catalog["status"].value_counts().to_dict() == {"used": 3, "rejected": 2, "excluded": 1}
    by_path = catalog.set_index("path")
    assert by_path.loc["r/xx/d.tif", "split"] == "" and by_path.loc["r/9/f.tif", "reason"] == "empty file"
    assert by_path["origin"].drop("r/9/b.tif").unique() == ["given"] and by_path.loc["r/9/b.tif", "origin"] == "blind"
    assert by_path.loc["r/100/a.tif", "png_levels"] == "7" and not catalog.isna().any(axis=None)


def test_of_equal_bytes_under_one_stage_the_shortest_path_is_kept(prepared):
    catalog = build_catalog(
        prepared(
            *THREE,
            ("r/100/a copy.tif", "100", "e1", "A"),
            ("r/100/b (1).tif", "100", "e1", "A"),
            ("r/9/z.tif", "9", "e2", "B"),
        ),
        [],
    )
    assert {path: reason for path, (status, reason) in reasons(catalog).items() if status == "rejected"} == {
        "r/100/a copy.tif": "same bytes as r/100/a.tif",
        "r/100/b (1).tif": "same bytes as r/100/a.tif",
        "r/9/z.tif": "same bytes as r/9/b.tif",
    }


def test_the_reason_for_equal_bytes_names_the_other_embryo(prepared):
    catalog = build_catalog(prepared(*THREE, ("r/100/longer.tif", "100", "e3", "A")), [])
    assert reasons(catalog)["r/100/longer.tif"] == ("rejected", "same bytes as r/100/a.tif, embryo e1")
    manifests, _ = build_manifests(prepared(*THREE, ("r/100/longer.tif", "100", "e3", "A")), catalog)
    assert "r/100/longer.tif" not in set(manifests["test"]["source"])  # no leak from train to test


def test_equal_bytes_under_two_stages_are_all_rejected(prepared):
    catalog = build_catalog(prepared(*THREE, ("r/9/x.tif", "9", "e1", "A"), ("r/9/y.tif", "9", "e1", "A")), [])
    assert reasons(catalog)["r/100/a.tif"] == ("rejected", "same bytes under another stage: r/9/x.tif (stage 9)")
    for path in ("r/9/x.tif", "r/9/y.tif"):
        assert reasons(catalog)[path] == ("rejected", "same bytes under another stage: r/100/a.tif (stage 100)")


def test_the_same_picture_in_different_bytes_is_used_once(prepared):
    rows = [
        ("r/100/a.tif", "100", "e1", "A", "P"), ("r/100/a saved.tif", "100", "e1", "A2", "P"), ("r/9/b.tif", "9", "e2", "B"),
        ("r/100/in another split.tif", "100", "e3", "A3", "P"), ("r/100/a again.tif", "100", "e1", "A", "P"),
        ("r/051/c.tif", "051", "e3", "C"),
    ]  # fmt: skip
    catalog = build_catalog(prepared(*rows), [])
    assert {path: reason for path, (status, reason) in reasons(catalog).items() if status == "rejected"} == {
        "r/100/a saved.tif": "same picture as r/100/a.tif",
        "r/100/a again.tif": "same bytes as r/100/a.tif",
        "r/100/in another split.tif": "same picture as r/100/a.tif, embryo e1",
    }
    check_catalog(catalog, 0)  # none of them is bad
    manifests, _ = build_manifests(prepared(*rows), catalog)
    assert set(manifests["test"]["source"]) == {"r/051/c.tif"}  # no leak


def test_the_same_picture_under_two_stages_is_always_rejected(prepared):
    rows = [*THREE, ("r/9/x.tif", "9", "e3", "X", "picture of A"), ("r/100/y.tif", "100", "e1", "A")]
    catalog = build_catalog(prepared(*rows), [])
    assert reasons(catalog)["r/9/x.tif"] == ("rejected", "same picture under another stage: r/100/a.tif (stage 100)")
    for path in ("r/100/a.tif", "r/100/y.tif"):
        assert reasons(catalog)[path] == ("rejected", "same picture under another stage: r/9/x.tif (stage 9)")
    assert (catalog["status"] == "used").sum() == 2
    check_catalog(build_catalog(prepared(*rows, ("r/100/z.tif", "100", "e1", "Z")), []), 0)


def test_rejected_files_with_equal_bytes_keep_their_reason(prepared):
    catalog = build_catalog(prepared(*THREE, ("r/9/f.tif", "9", "e1", None), ("r/100/g.tif", "100", "e1", None)), [])
    assert reasons(catalog)["r/9/f.tif"] == reasons(catalog)["r/100/g.tif"] == ("rejected", "empty file")


def test_too_many_bad_files_stop_the_run_and_are_listed(prepared):
    bad = [(f"r/9/bad{number}.tif", "9", "e1", None) for number in range(7)]
    catalog = build_catalog(prepared(*THREE, *bad), [])
    check_catalog(catalog, 0.7)
    text = sentence(check_catalog, catalog, 0.69)
    assert "7 of 10 images" in text and "max_bad: 0.69" in text
    assert "r/9/bad0.tif: empty file" in text and "r/9/bad4.tif: empty file; and 2 more" in text and "bad5" not in text


def test_duplicates_and_excluded_images_are_not_bad_files(prepared):
    copies = [(f"r/100/copy {number}.tif", "100", "e1", "A") for number in range(9)]
    catalog = build_catalog(
        prepared(*THREE, *copies), [("r/x.tif", "x", "e9", "excluded", "stage x is not selected", "", "given")] * 9
    )
    check_catalog(catalog, 0)


def test_the_message_about_no_usable_image_names_the_files(prepared):
    catalog = build_catalog(prepared(("r/9/a.tif", "9", "e1", None), ("r/9/b.tif", "9", "e2", None)), [])
    text = sentence(check_catalog, catalog, 1)
    assert "None of the 2 TIFs" in text and "(r/9/a.tif: empty file; r/9/b.tif: empty file)" in text


def test_the_message_about_contradicting_copies_names_the_other_stage(prepared):
    catalog = build_catalog(prepared(("r/9/a.tif", "9", "e1", "A"), ("r/51/a.tif", "51", "e2", "A")), [])
    assert "r/9/a.tif: same bytes under another stage: r/51/a.tif (stage 51)" in sentence(check_catalog, catalog, 1)


def test_a_split_without_images_is_an_error_that_names_them(prepared):
    rows = [*THREE[:2], ("r/051/c.tif", "051", "e3", None), ("r/9/d.tif", "9", "e1", None)]
    text = sentence(check_catalog, build_catalog(prepared(*rows), []), 1)
    assert "the test split" in text and "(r/051/c.tif: empty file)" in text


def test_labels_follow_the_numeric_order_of_the_stages(prepared):
    table = prepared(*THREE)
    manifests, stages = build_manifests(table, build_catalog(table, []))
    assert stages.to_dict("list") == {
        "label": [0, 1, 2], "stage": ["9", "051", "100"], "time": [9.0, 51.0, 100.0], "unit": ["min"] * 3,
        "images": [1, 1, 1],
    }  # fmt: skip
    assert all(list(manifest.columns) == MANIFEST for manifest in manifests.values())
    assert manifests["train"][["source", "label", "angle"]].values.tolist() == [
        ["r/100/a.tif", 2, 0],
        ["r/100/a.tif", 2, 90],
    ]
    assert manifests["val"]["label"].tolist() == [0] and manifests["test"]["label"].tolist() == [1]


def test_stages_without_times_are_read_without_times(prepared, tmp_path):
    rows = [("r/late/a.tif", "late", "e1", "A"), ("r/9/b.tif", "9", "e2", "B"), ("r/9/c.tif", "9", "e3", "C")]
    table = prepared(*rows)
    _, stages = build_manifests(table, build_catalog(table, []))
    assert stages["time"].isna().all() and (stages["unit"] == "").all()
    write_csv(stages, tmp_path / "stages.csv")
    assert read_stages(tmp_path / "stages.csv") == Stages(["9", "late"])


def test_stages_follow_the_settings(prepared, tmp_path):
    table = prepared(*THREE)
    manifests, stages = build_manifests(table, build_catalog(table, []), ["100", "9", "051"], "none")
    assert stages["stage"].tolist() == ["100", "9", "051"] and manifests["train"]["label"].tolist() == [0, 0]
    write_csv(stages, tmp_path / "stages.csv")
    assert read_stages(tmp_path / "stages.csv") == Stages(["100", "9", "051"], None, "stages")
    _, stages = build_manifests(table, build_catalog(table, []), {"9": 3, "051": 1.5, "100": 2}, "h")
    write_csv(stages, tmp_path / "stages.csv")
    assert read_stages(tmp_path / "stages.csv") == Stages(["051", "100", "9"], [1.5, 2, 3], "h")


def test_a_manifest_lists_only_used_images(prepared, tmp_path):
    table = prepared(*THREE, ("r/100/copy of a.tif", "100", "e1", "A"), ("r/9/f.tif", "9", "e1", None))
    manifests, _ = build_manifests(table, build_catalog(table, []))
    assert sorted(set(manifests["train"]["source"])) == ["r/100/a.tif"]
    write_csv(manifests["val"], tmp_path / "val.csv")
    read = read_manifest(tmp_path / "val.csv")
    assert read["stage"].tolist() == ["9"] and read["label"].tolist() == [0] and read["angle"].tolist() == [0]


def test_split_folders_of_relative_links_can_be_moved(prepared, tmp_path, monkeypatch):
    table = prepared(*THREE)
    manifests, _ = build_manifests(table, build_catalog(table, []))
    for png in table["png"]:
        Path(png).parent.mkdir(exist_ok=True)
        Path(png).write_bytes(png.encode())
    link_split_folders(manifests, tmp_path / "split")
    for split in SPLIT.values():
        assert sorted(os.listdir(tmp_path / "split" / split)) == ["051", "100", "9"]  # empty classes too
    links = list((tmp_path / "split").rglob("*.png"))
    assert len(links) == 4 and all(link.is_symlink() and not os.path.isabs(os.readlink(link)) for link in links)
    assert {link.read_bytes().decode() for link in links} == set(table["png"])
    moved = tmp_path.rename(tmp_path.with_name(tmp_path.name + " moved"))
    assert len([path for path in (moved / "split").rglob("*.png") if path.exists()]) == 4  # the folder can be moved
    moved.rename(tmp_path)


def of_movie(prepared, *rows):
    """The table of `prepare` for time points: (frame, stage, embryo, picture) of one file."""
    table = prepared(*(("r/movie.tif", stage, embryo, "A", picture) for _, stage, embryo, picture in rows))
    table["frame"] = [frame for frame, _, embryo, _ in rows for _ in range(2 if embryo == "e1" else 1)]
    return table


def test_time_points_of_one_file_are_separate_images_in_order_of_time(prepared):
    rows = [(str(frame), "9" if frame < 11 else "51", "e1", f"p{frame}") for frame in (12, 2, 10)]
    table = of_movie(prepared, *rows)
    catalog = build_catalog(table, [("r/movie.tif", "7", "e1", "excluded", "use: no", "3", "reviewed")])
    assert catalog[["frame", "stage", "status"]].values.tolist() == [
        ["2", "9", "used"], ["3", "7", "excluded"], ["10", "9", "used"], ["12", "51", "used"],
    ]  # fmt: skip
    manifests, stages = build_manifests(table, catalog)
    assert stages["images"].tolist() == [2, 1] and len(manifests["train"]) == 6
    assert manifests["train"]["label"].tolist() == [0] * 4 + [1] * 2
    assert (manifests["train"]["source"] == "r/movie.tif").all() and manifests["train"]["png"].is_unique


def test_equal_time_points_are_used_once_or_rejected_under_two_stages(prepared):
    catalog = build_catalog(of_movie(prepared, ("1", "9", "e1", "p"), ("2", "9", "e1", "p")), [])
    assert catalog["status"].tolist() == ["used", "rejected"]
    assert catalog["reason"].tolist() == ["", "same picture as r/movie.tif, time point 1"]
    catalog = build_catalog(of_movie(prepared, ("1", "9", "e1", "p"), ("2", "51", "e1", "p")), [])
    assert catalog["status"].tolist() == ["rejected", "rejected"]
    assert "same picture under another stage: r/movie.tif, time point 2 (stage 51)" in catalog["reason"][0]


def test_masks_among_the_images_are_named(prepared, caplog):
    table = prepared(*THREE)
    table["dtype"] = ["int32" if path == "r/9/b.tif" else "uint16" for path in table["path"]]
    catalog = build_catalog(table, [])
    check_catalog(catalog, 0)
    assert "r/9/b.tif" in caplog.text and "r/051/c.tif" not in caplog.text
    assert set(catalog["status"]) == {"used"}
