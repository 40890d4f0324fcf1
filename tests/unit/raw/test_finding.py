"""Finding TIFs among what other programs leave behind, and reading stage and embryo from names."""

import errno
import os
import re
from pathlib import Path

import pytest
import yaml

from flystage.core.errors import FlystageError
from flystage.raw.finding import (
    RawImage,
    find_images,
    find_tifs,
    find_unlabelled,
    is_dropping,
    version_of,
    why_unreadable,
)

PATTERN = yaml.safe_load((Path(__file__).parents[3] / "config.yaml").read_text(encoding="utf-8"))["name_pattern"]


def name(stage, embryo=1, part=1):
    return f"Stage({stage})-20230811-Cycle00-embryo{embryo:02d}-{part}.tif"


def touch(folder, *paths):
    for path in paths:
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"")
    return str(folder)


def found(*folders):
    return [relative for _, relative in find_tifs(folders)]


def sentence(function, *arguments):
    with pytest.raises(FlystageError) as refused:
        function(*arguments)
    text = str(refused.value)
    assert "\n" not in text and text.endswith((".", "?"))
    return text


def images_of(*folders, pattern=PATTERN, stages="all"):
    return find_images(folders, pattern, stages)


def test_tifs_are_found_nested_and_flat_in_one_order(tmp_path):
    raw = touch(tmp_path / "raw", "b.tif", "060/x.TIF", "051/deep/er/y.tiff", "a.tif", "051/notes.txt", "051/z.png")
    assert found(raw) == ["051/deep/er/y.tiff", "060/x.TIF", "a.tif", "b.tif"]


def test_droppings_of_other_programs_are_not_images(tmp_path):
    raw = touch(
        tmp_path / "raw", "051/good.tif", "051/.ipynb_checkpoints/good.tif", "051/good-checkpoint.tif", "051/._good.tif",
        "051/Thumbs.db", ".DS_Store", ".hidden.tif", "copy-checkpoint/good.tif",
    )  # fmt: skip
    assert found(raw) == ["051/good.tif"]
    assert is_dropping("THUMBS.DB") and not is_dropping("checkpoint-3.tif")


@pytest.mark.parametrize(
    "place",
    [
        "$RECYCLE.BIN/S-1-5-21/$R1.tif", "$Recycle.Bin/a.tif", "RECYCLER/a.tif", "recycled/a.tif", "#recycle/051/a.tif",
        "@Recycle/a.tif", "Recycle Bin/a.tif", ".Trash-1000/files/a.tif", ".Trashes/a.tif", "@eaDir/a.tif/SYNOPHOTO.tif",
        "051/@EADIR/a.tif", "#snapshot/a.tif", "~snapshot/daily.0/a.tif", ".snapshot/daily.0/a.tif", "LOST+FOUND/a.tif",
        "System Volume Information/a.tif", "FOUND.000/a.tif", "__MACOSX/051/a.tif", "files_trashbin/a.tif", "~$a.tif",
        "Network Trash Folder/a.tif", "@Recently-Snapshot/a.tif",
    ],
)  # fmt: skip
def test_recycle_bins_snapshots_and_indexes_are_not_images(tmp_path, place):
    raw = touch(tmp_path / "raw", "051/good.tif", place)
    assert found(raw) == ["051/good.tif"]


@pytest.mark.parametrize("name", ["recycle-mutant", "snapshot", "tmp", "lost and found", "eadir", "a~snapshot", "$051"])
def test_a_folder_that_only_sounds_like_a_bin_is_searched(tmp_path, name):
    assert found(touch(tmp_path / "raw", f"{name}/a.tif")) == [f"{name}/a.tif"]


def test_a_folder_named_in_the_configuration_is_searched_whatever_its_name(tmp_path):
    assert found(touch(tmp_path / "#recycle", "a.tif")) == ["a.tif"]


@pytest.fixture
def deep(tmp_path):
    """A folder with 1500 folders in one another and a TIF in the last; pytest could not remove them."""
    top = tmp_path / "raw"
    top.mkdir()
    here = os.open(top, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("a", dir_fd=here)
        inner = os.open("a", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(os.open("x.tif", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    yield str(top)
    os.unlink("x.tif", dir_fd=here)
    os.close(here)
    for depth in range(1500, 0, -1):
        os.rmdir(f"{top}{'/a' * depth}")


def test_folders_nested_beyond_pythons_stack_are_searched(deep):
    assert found(deep) == ["a/" * 1500 + "x.tif"]


def deny(monkeypatch, *folders):
    """Make folders unreadable, for root too."""
    scandir = os.scandir

    def denied(folder):
        if os.path.realpath(folder) in map(str, folders):
            raise PermissionError(errno.EACCES, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", denied)


def test_an_unreadable_folder_is_told_and_the_search_goes_on(tmp_path, monkeypatch, caplog):
    raw = touch(tmp_path / "raw", "051/a.tif", "060/b.tif", "closed/deep/c.tif", "zzz/d.tif")
    elsewhere = touch(tmp_path / "elsewhere", "e.tif")
    (tmp_path / "raw" / "link").symlink_to(elsewhere)
    deny(monkeypatch, f"{raw}/closed", elsewhere)
    assert found(raw) == ["051/a.tif", "060/b.tif", "zzz/d.tif"]
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 2
    assert f"The folder {raw}/closed cannot be read (Permission denied): what lies in it is left out" in caplog.text
    assert f"The folder {raw}/link cannot be read" in caplog.text


def test_an_unreadable_raw_folder_is_an_error(tmp_path, monkeypatch):
    raw = touch(tmp_path / "raw", "051/a.tif")
    deny(monkeypatch, raw)
    assert f"The folder {raw} cannot be read (Permission denied); mend its permissions" in sentence(find_tifs, [raw])


def test_stage_and_embryo_come_from_the_name(tmp_path):
    raw = touch(tmp_path / "raw", f"mail/{name('060', 3)}", f"mail/{name('051', 4, 2)}")
    assert images_of(raw) == [
        RawImage(f"{raw}/mail/{name('051', 4, 2)}", "051", "20230811-Cycle00-embryo04"),
        RawImage(f"{raw}/mail/{name('060', 3)}", "060", "20230811-Cycle00-embryo03"),
    ]


def test_a_name_without_stage_takes_its_folder_and_one_without_embryo_its_path(tmp_path):
    raw = touch(tmp_path / "raw", "051/20230811-Cycle00-embryo01-1.tif", "060/odd.tif", "060/sub/odd.tif")
    images = images_of(raw)
    assert [(image.stage, image.embryo) for image in images] == [
        ("051", "20230811-Cycle00-embryo01"),
        ("060", "060/odd"),
        ("sub", "060/sub/odd"),
    ]
    assert [image.embryo for image in images_of(raw, pattern=None)][0] == "051/20230811-Cycle00-embryo01-1"


def test_the_name_wins_over_the_folder(tmp_path):
    raw = touch(tmp_path / "raw", f"unsorted/{name('051')}", f"unsorted/{name('060')}")
    assert [image.stage for image in images_of(raw)] == ["051", "060"]


def test_a_tif_without_any_stage_is_rejected_and_kept_in_the_list(tmp_path):
    raw = touch(tmp_path / "raw", f"x/{name('051')}", f"x/{name('060')}", "20230811-Cycle00-embryo09-1.tif")
    (lost,) = [image for image in images_of(raw) if image.status]
    assert (lost.status, lost.reason) == ("rejected", "no stage: not in its name, and not in a stage folder")


def test_stages_not_wanted_are_excluded_with_the_reason(tmp_path):
    raw = touch(tmp_path / "raw", *(f"x/{name(stage)}" for stage in ("051", "054", "060")))
    status = {image.stage: (image.status, image.reason) for image in images_of(raw, stages=["051", "060"])}
    assert status == {"051": ("", ""), "054": ("excluded", "stage 054 is not selected"), "060": ("", "")}


def test_link_loops_end(tmp_path):
    raw = touch(tmp_path / "raw", "051/a.tif", "060/b.tif")
    (tmp_path / "raw" / "051" / "up").symlink_to(tmp_path / "raw")
    (tmp_path / "raw" / "self.tif").symlink_to("self.tif")
    (tmp_path / "raw" / "self").symlink_to("self")
    assert found(raw) == ["051/a.tif", "060/b.tif", "self.tif"]
    (loop,) = [image for image in images_of(raw, pattern=None) if image.status]
    assert loop.status == "rejected"


def test_a_linked_folder_counts_once_and_its_real_path_wins(tmp_path):
    raw = touch(tmp_path / "raw", "zzz/a.tif")
    (tmp_path / "raw" / "aaa").symlink_to("zzz")
    assert found(raw) == ["zzz/a.tif"]
    elsewhere = touch(tmp_path / "elsewhere", "b.tif")
    (tmp_path / "raw" / "linked").symlink_to(elsewhere)
    assert found(raw) == ["linked/b.tif", "zzz/a.tif"]


def test_overlapping_raw_folders_give_each_tif_once(tmp_path):
    raw = touch(tmp_path / "raw", "051/a.tif", "060/b.tif")
    assert found(raw, f"{raw}/051") == ["051/a.tif", "060/b.tif"]
    assert [Path(path).name for path, _ in find_tifs([f"{raw}/051", raw])] == ["a.tif", "b.tif"]
    assert len(find_tifs([raw, raw])) == 2


def test_several_folders_are_one_list(tmp_path):
    first, second = touch(tmp_path / "one", f"x/{name('051')}"), touch(tmp_path / "two", f"x/{name('060')}")
    assert {image.stage for image in images_of(first, second)} == {"051", "060"}


def test_a_missing_folder_is_named(tmp_path):
    assert f"{tmp_path}/nowhere does not exist" in sentence(find_tifs, [f"{tmp_path}/nowhere"])
    touch(tmp_path, "file.tif")
    assert "does not exist" in sentence(find_tifs, [f"{tmp_path}/file.tif"])


def test_an_empty_folder_says_what_it_has_instead(tmp_path):
    (tmp_path / "raw").mkdir()
    assert sentence(find_tifs, [str(tmp_path / "raw")]).endswith("holds no TIF (*.tif, *.tiff): it is empty.")
    raw = touch(tmp_path / "raw", "a.png", "b.png", "README")
    assert sentence(find_tifs, [raw]).endswith("holds no TIF (*.tif, *.tiff): it has 2 x .png, 1 x no ending.")


def test_one_empty_folder_among_full_ones_is_told(tmp_path):
    raw = touch(tmp_path / "raw", "051/a.tif")
    (tmp_path / "empty").mkdir()
    assert "empty holds no TIF" in sentence(find_tifs, [raw, str(tmp_path / "empty")])


def test_a_pattern_that_fits_nothing_names_an_example(tmp_path):
    raw = touch(tmp_path / "raw", "051/movie7_t3.tif", "060/movie8_t3.tif")
    text = sentence(find_images, [raw], PATTERN, "all")
    assert "name_pattern fits none of the 2 TIFs, for example 'movie7_t3.tif'" in text


def test_no_stage_anywhere_is_one_sentence(tmp_path):
    raw = touch(tmp_path / "raw", "20230811-Cycle00-embryo01-1.tif")
    assert "No TIF has a stage, for example '20230811-Cycle00-embryo01-1.tif'" in sentence(
        find_images, [raw], PATTERN, "all"
    )


def test_one_stage_alone_is_refused(tmp_path):
    raw = touch(tmp_path / "raw", name("051"), name("051", 2))
    assert "Only one stage (051) has images" in sentence(find_images, [raw], PATTERN, "all")


def test_a_listed_stage_without_images_is_told_with_what_there_is(tmp_path):
    raw = touch(tmp_path / "raw", name("051"), name("060"))
    assert "'099' has no images" in sentence(find_images, [raw], PATTERN, ["051", "099"])
    assert "found: 051, 060" in sentence(find_images, [raw], PATTERN, ["051", "099"])


def test_a_dangling_link_and_a_folder_named_tif_are_no_images(tmp_path):
    raw = touch(tmp_path / "raw", name("051"), name("060"), "x.tif/inner.txt")
    (tmp_path / "raw" / name("063")).symlink_to(tmp_path / "gone.tif")
    os.mkfifo(tmp_path / "raw" / name("066"))
    status = {image.stage: image.reason for image in images_of(raw)}
    assert status == {"051": "", "060": "", "063": "a link that leads nowhere", "066": "not a file"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_no_permission_is_a_reason_for_a_file_and_a_warning_for_a_folder(tmp_path, caplog):
    raw = touch(tmp_path / "raw", name("051"), name("060"), f"closed/{name('063')}")
    (tmp_path / "raw" / name("060")).chmod(0)
    assert [image.reason for image in images_of(raw) if image.stage == "060"] == ["no permission to read it"]
    (tmp_path / "raw" / "closed").chmod(0)
    try:
        assert len(find_tifs([raw])) == 2 and "closed cannot be read (Permission denied)" in caplog.text
    finally:
        (tmp_path / "raw" / "closed").chmod(0o700)


@pytest.mark.parametrize(
    "place",
    ["051/caf\xe9-{}.tif", "caf\xe9-{}/x.tif", "051/two\nlines-{}.tif", "two\rlines-{}/x.tif", "051/tab\t{}.tif"],
)
@pytest.mark.parametrize("pattern", [None, PATTERN])
def test_a_name_that_no_table_can_hold_is_rejected_readably(tmp_path, place, pattern):
    raw = touch(tmp_path / "raw", f"x/{name('051')}", f"x/{name('060')}", "y/a.tif")
    path = os.path.join(os.fsencode(raw), place.format(name("063")[:-4]).encode("latin-1"))  # one byte, not UTF-8
    os.makedirs(os.path.dirname(path), exist_ok=True)
    open(path, "wb").close()
    (rejected,) = [image for image in find_images([raw], pattern, "all") if image.status]
    assert rejected.status == "rejected" and rejected.reason.startswith(
        "its name is not valid UTF-8 or has a line break"
    )
    for text in rejected:  # the catalog is written as UTF-8, one row a line
        text.encode()
        assert not re.search(r"[\x00-\x1f]", text)
    assert "\\x" in rejected.path


def test_a_brace_in_a_path_is_rejected_before_snakemake_takes_it_for_a_wildcard(tmp_path):
    raw = touch(tmp_path / "raw", "051/a.tif", "060/b.tif", "060/{c}.tif")
    assert [Path(image.path).name for image in images_of(raw, pattern=None) if image.status == "rejected"] == [
        "{c}.tif"
    ]


def test_tifs_that_are_all_unusable_at_first_sight_are_one_sentence(tmp_path):
    raw = touch(tmp_path / "raw", "051/{a}.tif", "060/{b}.tif")
    assert sentence(find_images, [raw], None, "all").startswith("None of the 2 TIFs can be used (2 x its path has a {")


def test_letters_beyond_ascii_are_welcome(tmp_path):
    raw = touch(tmp_path / "raw", "früh/蠅.tif", "spät/蠅.tif")
    assert [(image.stage, image.status) for image in images_of(raw, pattern=None)] == [("früh", ""), ("spät", "")]


def test_unlabelled_tifs_need_a_folder_and_a_checkpoint(tmp_path):
    raw = touch(tmp_path / "new", "b.tif", "a.tif")
    checkpoint = touch(tmp_path / "model", "checkpoint.pt") + "/checkpoint.pt"
    assert find_unlabelled([raw], checkpoint) == [f"{raw}/a.tif", f"{raw}/b.tif"]
    assert "set predict.images" in sentence(find_unlabelled, [], checkpoint)
    assert "There is no checkpoint" in sentence(find_unlabelled, [raw], f"{checkpoint}x")


def test_the_version_of_a_file_changes_with_it(tmp_path):
    path = tmp_path / "a.tif"
    assert version_of(path) is None
    path.write_bytes(b"1")
    first = version_of(path)
    path.write_bytes(b"22")
    assert version_of(path) != first


def test_spaces_around_stage_and_embryo_in_a_name_are_no_part_of_them(tmp_path):
    raw = touch(tmp_path / "raw", "x/ 051 _ E1 _a.tif", "x/051_E1_b.tif", "x/060_E1 _c.tif")
    images = images_of(raw, pattern=r"^(?P<stage>[^_]*)_(?P<embryo>[^_]*)_")
    assert {(image.stage, image.embryo) for image in images} == {("051", "E1"), ("060", "E1")}


def test_a_group_that_is_only_spaces_says_nothing(tmp_path):
    raw = touch(tmp_path / "raw", "051/ _ _a.tif", "060/060_E1_b.tif")
    images = images_of(raw, pattern=r"^(?P<stage>[^_]*)_(?P<embryo>[^_]*)_")
    assert [(image.stage, image.embryo) for image in images] == [("051", "051/ _ _a"), ("060", "E1")]


def test_the_version_of_a_file_tells_of_another_size_and_of_another_date_even_an_older_one(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(b"1")
    os.utime(path, ns=(5, 7))
    assert version_of(path) == (1, 7)
    os.utime(path, ns=(5, 6))
    assert version_of(path) == (1, 6)
    path.write_bytes(b"22")
    os.utime(path, ns=(5, 6))
    assert version_of(path) == (2, 6)


def test_a_tif_that_may_not_be_read_or_looked_at_says_so(tmp_path, monkeypatch):
    raw = touch(tmp_path / "raw", name("051"), name("060"))
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.R_OK or "060" not in str(path))
    assert [why_unreadable(f"{raw}/{name(stage)}") for stage in ("051", "060", "069")] == [
        "", "no permission to read it", "no longer there",
    ]  # fmt: skip

    def denied(path):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "stat", denied)
    assert why_unreadable(f"{raw}/{name('051')}") == "no permission to read it"
