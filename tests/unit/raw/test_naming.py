"""Test that each TIF gets its stage, embryo and time point from names, folders and tables of labels."""

import os
import re
from pathlib import Path

import pytest
import yaml

from flystage.raw.naming import RawImage, find_images
from raw_files import name, sentence, touch

PATTERN = yaml.safe_load((Path(__file__).parents[3] / "config.yaml").read_text(encoding="utf-8"))["name_pattern"]


def config(*folders, pattern=PATTERN, **changes):
    settings = {
        "labels": None,
        "not_in_labels": "exclude",
        "unmatched": "stop",
        "single_images": "stop",
        "frames": None,
        "stages": "all",
        "time_unit": "auto",
    }
    return {"raw": list(folders), "name_pattern": pattern} | settings | changes


def images_of(*folders, **changes):
    return find_images(config(*folders, **changes)).images


def refused(*folders, **changes):
    return sentence(find_images, config(*folders, **changes))


def test_stage_and_embryo_come_from_the_name(tmp_path):
    raw = touch(tmp_path / "raw", f"mail/{name('060', 3)}", f"mail/{name('051', 4, 2)}")
    assert images_of(raw) == [
        RawImage(f"{raw}/mail/{name('051', 4, 2)}", "051", "20230811-Cycle00-embryo04"),
        RawImage(f"{raw}/mail/{name('060', 3)}", "060", "20230811-Cycle00-embryo03"),
    ]


def test_the_folder_replaces_a_missing_stage_and_the_path_a_missing_embryo(tmp_path):
    raw = touch(tmp_path / "raw", "051/20230811-Cycle00-embryo01-1.tif", "060/odd.tif", "060/sub/odd.tif")
    images = images_of(raw, pattern=r"(?P<embryo>\d{8}-Cycle\d+-embryo\d+)|odd")
    assert [(image.stage, image.embryo) for image in images] == [
        ("051", "20230811-Cycle00-embryo01"),
        ("060", "060/odd"),
        ("sub", "060/sub/odd"),
    ]
    assert [image.embryo for image in images_of(raw, pattern=None)][0] == "051/20230811-Cycle00-embryo01-1"


def test_the_stage_in_the_name_takes_precedence_over_the_folder(tmp_path):
    raw = touch(tmp_path / "raw", f"unsorted/{name('051')}", f"unsorted/{name('060')}")
    assert [image.stage for image in images_of(raw)] == ["051", "060"]


def test_a_tif_without_a_stage_is_rejected_and_stays_in_the_list(tmp_path):
    raw = touch(tmp_path / "raw", f"x/{name('051')}", f"x/{name('060')}", "20230811-Cycle00-embryo09-1.tif")
    (lost,) = [image for image in images_of(raw) if image.status]
    assert (lost.status, lost.reason) == ("rejected", "no stage: not in its name, and not in a stage folder")


def test_stages_that_are_not_selected_are_excluded_with_the_reason(tmp_path):
    raw = touch(tmp_path / "raw", *(f"x/{name(stage)}" for stage in ("051", "054", "060")))
    status = {image.stage: (image.status, image.reason) for image in images_of(raw, stages=["051", "060"])}
    assert status == {"051": ("", ""), "054": ("excluded", "stage 054 is not selected"), "060": ("", "")}


def test_a_link_to_itself_is_rejected(tmp_path):
    raw = touch(tmp_path / "raw", "051/a.tif", "060/b.tif")
    (tmp_path / "raw" / "051" / "up").symlink_to(tmp_path / "raw")
    (tmp_path / "raw" / "self.tif").symlink_to("self.tif")
    (tmp_path / "raw" / "self").symlink_to("self")
    (loop,) = [image for image in images_of(raw, pattern=None) if image.status]
    assert loop.status == "rejected"


def test_images_of_several_folders_are_in_one_list(tmp_path):
    first, second = touch(tmp_path / "one", f"x/{name('051')}"), touch(tmp_path / "two", f"x/{name('060')}")
    assert {image.stage for image in images_of(first, second)} == {"051", "060"}


def test_the_message_about_a_useless_pattern_gives_an_example(tmp_path):
    raw = touch(tmp_path / "raw", "051/movie7_t3.tif", "060/movie8_t3.tif")
    text = refused(raw)
    assert "name_pattern" in text and "any of the 2 TIFs" in text and "'movie7_t3.tif'" in text and "suggest" in text


def test_no_stage_in_any_name_is_an_error(tmp_path):
    raw = touch(tmp_path / "raw", "20230811-Cycle00-embryo01-1.tif")
    assert "No TIF has a stage" in refused(raw) and "'20230811-Cycle00-embryo01-1.tif'" in refused(raw)


def test_no_stage_in_the_table_is_an_error_with_the_reason(tmp_path):
    raw = touch(tmp_path / "raw", "a.tif", "b.tif")
    (tmp_path / "t.csv").write_text("image,stage\na.tif,\nb.tif,\n", encoding="utf-8")
    text = refused(raw, pattern=None, labels=[str(tmp_path / "t.csv")])
    assert "No TIF has a stage" in text and "'a.tif' (no stage (" in text and "line 2))" in text


def test_a_single_stage_is_refused(tmp_path):
    raw = touch(tmp_path / "raw", name("051"), name("051", 2))
    assert "Only one stage (051)" in refused(raw)


def test_the_message_about_a_stage_without_images_lists_all_stages(tmp_path):
    raw = touch(tmp_path / "raw", name("051"), name("060"))
    assert "'099' has no images" in refused(raw, stages=["051", "099"])
    assert ": 051, 060." in refused(raw, stages=["051", "099"])


def test_a_dangling_link_and_a_folder_named_tif_are_not_images(tmp_path):
    raw = touch(tmp_path / "raw", name("051"), name("060"), "x.tif/inner.txt")
    (tmp_path / "raw" / name("063")).symlink_to(tmp_path / "gone.tif")
    os.mkfifo(tmp_path / "raw" / name("066"))
    status = {image.stage: image.reason for image in images_of(raw)}
    assert status == {"051": "", "060": "", "063": "a link that leads nowhere", "066": "not a file"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read everything")
def test_a_missing_permission_rejects_a_file_and_stops_for_a_folder(tmp_path):
    raw = touch(tmp_path / "raw", name("051"), name("060"), f"closed/{name('063')}")
    (tmp_path / "raw" / name("060")).chmod(0)
    assert [image.reason for image in images_of(raw) if image.stage == "060"] == ["no permission to read it"]
    (tmp_path / "raw" / "closed").chmod(0)
    try:
        assert "closed cannot be read (Permission denied)" in refused(raw)
    finally:
        (tmp_path / "raw" / "closed").chmod(0o700)


@pytest.mark.parametrize(
    "place",
    ["051/caf\xe9-{}.tif", "caf\xe9-{}/x.tif", "051/two\nlines-{}.tif", "two\rlines-{}/x.tif", "051/tab\t{}.tif"],
)
@pytest.mark.parametrize("pattern", [None, PATTERN])
def test_a_name_that_a_table_cannot_hold_is_rejected_and_escaped(tmp_path, place, pattern):
    raw = touch(tmp_path / "raw", f"x/{name('051')}", f"x/{name('060')}")
    path = os.path.join(os.fsencode(raw), place.format(name("063")[:-4]).encode("latin-1"))  # one byte, not UTF-8
    os.makedirs(os.path.dirname(path), exist_ok=True)
    open(path, "wb").close()
    (rejected,) = [image for image in images_of(raw, pattern=pattern) if image.status]
    assert rejected.status == "rejected" and rejected.reason.startswith(
        "its name is not valid UTF-8 or has a line break"
    )
    for text in rejected:  # the catalog is written as UTF-8, one row a line
        text.encode()
        assert not re.search(r"[\x00-\x1f]", text)
    assert "\\x" in rejected.path


def test_a_brace_in_a_path_is_rejected_because_of_wildcards(tmp_path):
    raw = touch(tmp_path / "raw", "051/a.tif", "060/b.tif", "060/{c}.tif")
    assert [Path(image.path).name for image in images_of(raw, pattern=None) if image.status == "rejected"] == [
        "{c}.tif"
    ]


def test_no_usable_tif_is_an_error(tmp_path):
    raw = touch(tmp_path / "raw", "051/{a}.tif", "060/{b}.tif")
    text = refused(raw, pattern=None)
    assert "None of the 2 TIFs" in text and "(2 x its path has a {" in text


def test_non_ascii_names_are_accepted(tmp_path):
    raw = touch(tmp_path / "raw", "früh/蠅.tif", "spät/蠅.tif")
    assert [(image.stage, image.status) for image in images_of(raw, pattern=None)] == [("früh", ""), ("spät", "")]


def test_the_message_about_an_incomplete_pattern_shows_unmatched_names(tmp_path):
    raw = touch(tmp_path / "raw", f"051/{name('051')}", f"060/{name('060')}", "060/Overview.tif", "060/b.tif")
    text = refused(raw)
    assert "2 of 4 TIFs" in text and "'Overview.tif', 'b.tif'" in text and "unmatched: exclude" in text
    images = images_of(raw, unmatched="exclude")
    assert {Path(image.path).name: (image.status, image.reason) for image in images if image.status} == {
        "Overview.tif": ("excluded", "its name does not fit name_pattern"),
        "b.tif": ("excluded", "its name does not fit name_pattern"),
    }
    assert find_images(config(raw, unmatched="exclude")).unmatched == [f"{raw}/060/Overview.tif", f"{raw}/060/b.tif"]


def test_no_message_suggests_that_each_image_be_its_own_embryo(tmp_path):
    raw = touch(tmp_path / "raw", "051/movie7_t3.tif", "060/movie8_t3.tif")
    assert "own embryo" not in refused(raw) and "null" not in refused(raw)


@pytest.mark.parametrize("slash", ["movie_(?P<embryo>[^/]+)/(?P<stage>\\d+)/", "(?P<embryo>E\\d+)/"])
def test_a_pattern_with_a_slash_is_searched_in_the_relative_path(tmp_path, slash):
    raw = touch(
        tmp_path / "movie_X" / "9999", "movie_E003/0060/img1.tif", "movie_E003/0120/img1.tif", "movie_E004/0060/i.tif"
    )
    images = images_of(raw, pattern=slash)
    assert [(image.embryo, image.stage) for image in images] == [("E003", "0060"), ("E003", "0120"), ("E004", "0060")]


def test_a_pattern_without_a_slash_is_not_searched_in_folders(tmp_path):
    raw = touch(tmp_path / "raw", "E001/0060/img1.tif", "E002/0120/img2.tif")
    assert "any of the 2 TIFs" in refused(raw, pattern=r"(?P<embryo>E\d+)")


def test_single_images_of_most_embryos_stop_the_run(tmp_path):
    raw = touch(
        tmp_path / "slices", *(f"{stage}/e1_{stage}{slice}.tif" for stage in ("051", "060") for slice in range(3))
    )
    text = refused(raw, pattern=r"(?P<embryo>e\d+_\d+)")
    assert "6 of 6 embryos" in text and "'e1_0510'" in text and "single_images: allow" in text
    assert len(images_of(raw, pattern=r"(?P<embryo>e\d+_\d+)", single_images="allow")) == 6


def test_two_images_per_embryo_are_enough(tmp_path):
    names = [f"{stage}/e{embryo}_{stage}.tif" for stage in ("051", "060") for embryo in range(6)]
    assert len(images_of(touch(tmp_path / "raw", *names), pattern=r"(?P<embryo>e\d+)_")) == 12


def test_names_are_trimmed_and_in_one_unicode_form(tmp_path):
    composed, decomposed = "M\u00fcller", "Mu\u0308ller"
    raw = touch(tmp_path / "raw", f"051 /{composed}_1.tif", f"060/{decomposed}_2.tif", f"051/{composed} _3.tif")
    images = images_of(raw, pattern=r"(?P<embryo>\w.*)_\d")
    assert {image.embryo for image in images} == {composed} and {image.stage for image in images} == {"051", "060"}
    assert any(decomposed in image.path for image in images)  # the file name is unchanged


def test_spaces_around_stage_and_embryo_in_a_name_are_removed(tmp_path):
    raw = touch(tmp_path / "raw", "x/ 051 _ E1 _a.tif", "x/051_E1_b.tif", "x/060_E1 _c.tif")
    images = images_of(raw, pattern=r"^(?P<stage>[^_]*)_(?P<embryo>[^_]*)_")
    assert {(image.stage, image.embryo) for image in images} == {("051", "E1"), ("060", "E1")}


def test_a_group_with_only_spaces_is_ignored(tmp_path):
    raw = touch(tmp_path / "raw", "051/ _ _a.tif", "060/060_E1_b.tif")
    images = images_of(raw, pattern=r"^(?P<stage>[^_]*)_(?P<embryo>[^_]*)_")
    assert [(image.stage, image.embryo) for image in images] == [("051", "051/ _ _a"), ("060", "E1")]


def test_embryos_are_known_only_if_names_give_them(tmp_path):
    raw = touch(tmp_path / "raw", f"051/{name('051')}", f"060/{name('060')}")
    assert find_images(config(raw)).embryos_known
    assert not find_images(config(raw, pattern=None)).embryos_known
    assert not find_images(config(raw, pattern=r"Stage\((?P<stage>\d+)\)")).embryos_known


@pytest.fixture
def labelled(tmp_path):
    """(raw folder, function(text of a table, settings) -> Found)."""
    raw = touch(tmp_path / "raw", "plate1/a.tif", "plate1/b.tif", "plate2/a.tif", "c.tif")

    def found(text, **changes):
        (tmp_path / "labels.csv").write_text(text, encoding="utf-8")
        changes = {"pattern": None} | changes
        return find_images(config(raw, labels=[str(tmp_path / "labels.csv")], **changes))

    return raw, found


def test_a_table_of_labels_overrides_names_and_excludes_the_rest(labelled):
    raw, found = labelled
    images = found("image,stage,embryo,use\nplate1/a.tif,051,e1,\nb.tif,060,e1,yes\nc.tif,060,e2,no\n").images
    assert [image._replace(path=os.path.relpath(image.path, raw)) for image in images] == [
        RawImage("c.tif", "060", "e2", "excluded", f"use: no ({Path(raw).parent}/labels.csv, line 4)"),
        RawImage("plate1/a.tif", "051", "e1"),
        RawImage("plate1/b.tif", "060", "e1"),
        RawImage("plate2/a.tif", "plate2", "plate2/a", "excluded", "not in labels.csv"),
    ]


def test_images_outside_the_table_may_get_their_stage_from_names(tmp_path):
    raw = touch(
        tmp_path / "raw", f"new/{name('060')}", "new/a.tif", "new/b.tif", f"051/{name('051')}", "069/x-embryo.tif"
    )
    (tmp_path / "t.csv").write_text("image,stage,embryo,origin\nnew/a.tif,060,movie,reviewed\n", encoding="utf-8")
    table = {"labels": [str(tmp_path / "t.csv")], "unmatched": "exclude"}
    images = {
        os.path.basename(image.path): image
        for image in images_of(raw, not_in_labels="by_name", **table)
        if not image.status
    }
    assert {key: (image.stage, image.origin) for key, image in images.items()} == {
        name("060"): ("060", "given"),  # its name gives the stage
        "a.tif": ("060", "reviewed"),
        name("051"): ("051", "given"),
    }
    everything = images_of(raw, pattern=None, not_in_labels="by_name", **table)
    assert {os.path.basename(image.path) for image in everything if not image.status} == {
        "a.tif", name("051"), "x-embryo.tif",
    }  # fmt: skip


def test_the_file_name_gives_an_embryo_that_the_table_lacks(tmp_path):
    raw = touch(tmp_path / "raw", f"x/{name('051', 3)}", f"x/{name('051', 4)}")
    (tmp_path / "t.csv").write_text(f"image,stage\n{name('051', 3)},early\n{name('051', 4)},late\n", encoding="utf-8")
    images = images_of(raw, labels=[str(tmp_path / "t.csv")])
    assert [(image.stage, image.embryo) for image in images] == [
        ("early", "20230811-Cycle00-embryo03"), ("late", "20230811-Cycle00-embryo04"),
    ]  # fmt: skip


def test_embryos_with_one_image_are_accepted_if_a_table_names_them(labelled):
    _, found = labelled
    text = "image,stage,embryo\nplate1/a.tif,051,e1\nplate2/a.tif,060,e2\nb,051,e3\nc.tif,060,e4\n"
    assert {image.embryo for image in found(text).images} == {"e1", "e2", "e3", "e4"}
    assert found(text, pattern=r"(?P<embryo>\w+)\.tif").embryos_known


def test_a_useless_pattern_is_ignored_if_a_table_gives_the_stages(labelled):
    _, found = labelled
    one = found("image,stage\nplate1/a.tif,051\nc.tif,060\n", pattern=PATTERN)
    assert [image.embryo for image in one.images if not image.status] == ["c", "plate1/a"] and not one.embryos_known


def test_lost_leading_zeros_give_a_warning_and_are_not_restored(tmp_path):
    raw = touch(tmp_path / "raw", name("051"), name("060"))
    (tmp_path / "t.csv").write_text(f"image,stage\n{name('051')},51\n{name('060')},060\n", encoding="utf-8")
    found = find_images(config(raw, labels=[str(tmp_path / "t.csv")]))
    assert [image.stage for image in found.images] == ["51", "060"]
    (warning,) = found.warnings
    assert "1 row(s) lost" in warning and "t.csv, line 2: stage 51, but 051" in warning


def test_time_points_of_a_labelled_movie_are_images_of_one_embryo(labelled):
    raw, found = labelled
    images = found("image,stage,frame\nc.tif,051,1\nc.tif,060,4\n").images
    used = [image for image in images if not image.status]
    assert used == [RawImage(f"{raw}/c.tif", "051", "c", frame="1"), RawImage(f"{raw}/c.tif", "060", "c", frame="4")]
    assert found("image,stage,frame\nc.tif,051,1\nc.tif,060,4\n").embryos_known


def test_the_setting_frames_gives_each_time_point_its_time(tmp_path):
    raw = touch(tmp_path / "raw", "still/a.tif", "movie.tif")
    images = find_images(
        config(raw, pattern=None, frames={"first": 51, "every": 4.5}), lambda path: 3 if "movie" in path else 1
    ).images
    assert [(image.stage, image.frame, image.embryo) for image in images] == [
        ("51", "1", "movie"), ("55.5", "2", "movie"), ("60", "3", "movie"), ("still", "", "still/a"),
    ]  # fmt: skip


def tables(folder, **texts):
    """Write CSVs next to a raw folder with the images a1 a2 b1 b2 in two stages. Return (raw folder, paths of the tables)."""
    raw = touch(folder / "raw", "a1.tif", "a2.tif", "b1.tif", "b2.tif", "c1.tif", "c2.tif")
    paths = []
    for title, text in texts.items():
        (folder / f"{title}.csv").write_text(text, encoding="utf-8")
        paths.append(str(folder / f"{title}.csv"))
    return raw, paths


def test_an_embryo_that_two_tables_spell_as_1_and_1_0_is_one_embryo(tmp_path):
    raw, paths = tables(
        tmp_path,
        one="image,stage,embryo\na1,051,1\nb1,051,2\n",
        two="image,stage,embryo\na2,060,1.0\nb2,060,2.0\nc2,060,3.0\n",
    )
    found = find_images(config(raw, pattern=None, labels=paths))
    assert [image.embryo for image in found.images if not image.status] == ["1", "1", "2", "2", "3.0"]
    assert any("2 row(s)" in told and "two.csv, line 2" in told for told in found.warnings)


def test_the_embryo_of_a_name_and_of_a_table_are_spelt_alike(tmp_path):
    raw, paths = tables(tmp_path, one="image,stage,embryo\na2,060,7.0\n")
    touch(tmp_path / "raw", "051/E7_x.tif")
    found = find_images(
        config(raw, pattern=r"E(?P<embryo>\d+)_|^[abc]\d", labels=paths, not_in_labels="by_name", single_images="allow")
    )
    used = {os.path.basename(image.path): image.embryo for image in found.images if not image.status}
    assert used["a2.tif"] == used["E7_x.tif"] == "7"


@pytest.mark.parametrize(
    "rows",
    [
        "a1,051,e1\na2,060,\nb1,051,e2\nb2,060,\n",  # only the first row of a block is filled
        "a1,051,e1\na2,060,NA\nb1,051,e2\nb2,060,#N/A\n",
        "a1,051,e1\na2,060, \nb1,051,e2\nb2,060,e2\n",
    ],
)
def test_rows_without_an_embryo_beside_others_are_refused(tmp_path, rows):
    raw, paths = tables(tmp_path, one=f"image,stage,embryo\n{rows}")
    text = refused(raw, pattern=None, labels=paths)
    assert "line 3: a2" in text and "line 2: e1" in text and "single_images: allow" in text
    found = find_images(config(raw, pattern=None, labels=paths, single_images="allow"))
    assert any("no embryo" in told and "a2" in told for told in found.warnings)


def test_rows_that_need_no_embryo_are_not_refused(tmp_path):
    rows = "a1,051,e1,\na2,060,,no\nb1,,,\nb2,060,e2,\n"  # not used, and without a stage
    raw, paths = tables(tmp_path, one=f"image,stage,embryo,use\n{rows}")
    assert find_images(config(raw, pattern=None, labels=paths)).warnings == []
    by_name = find_images(config(raw, pattern=r"(?P<embryo>^[abc])", labels=paths))
    assert by_name.warnings == []
    none = "image,stage,embryo\na1,051,\nb1,060,\n"
    (tmp_path / "none.csv").write_text(none, encoding="utf-8")
    assert not find_images(config(raw, pattern=None, labels=[str(tmp_path / "none.csv")])).embryos_known


def test_another_table_or_image_without_embryos_is_told(tmp_path):
    raw, paths = tables(tmp_path, one="image,stage,embryo\na1,051,e1\nb1,060,e2\n", two="image,stage\nc1,051\nc2,060\n")
    found = find_images(config(raw, pattern=None, labels=paths))
    assert any("2 image(s) have no embryo" in told and "two.csv, line 2" in told for told in found.warnings)
    touch(tmp_path / "raw", "051/x.tif")
    found = find_images(config(raw, pattern=None, labels=paths[:1], not_in_labels="by_name"))
    assert any("1 image(s) have no embryo" in told and "x.tif" in told for told in found.warnings)


def test_no_value_is_no_stage_but_a_folder_or_a_listed_stage_may_have_its_name(tmp_path):
    raw, paths = tables(tmp_path, one="image,stage,embryo\na1,051,e1\na2,NA,e1\nb1,060,e2\nb2,#N/A,e2\n")
    found = find_images(config(raw, pattern=None, labels=paths))
    assert {image.stage for image in found.images if not image.status} == {"051", "060"}
    assert sum("no value" in told and "list it in quotes in stages" in told for told in found.warnings) == 2
    listed = find_images(config(raw, pattern=None, labels=paths, stages=["051", "060", "NA"]))
    assert {image.stage for image in listed.images if not image.status} == {"051", "060", "NA"}
    folders = touch(tmp_path / "folders", "NA/1.tif", "nan/2.tif")
    assert [image.stage for image in images_of(folders, pattern=None)] == ["NA", "nan"]


def test_tables_that_name_no_file_show_a_row_and_a_file(tmp_path):
    raw, paths = tables(tmp_path, one="image,stage\n0,051\n1,060\n")
    text = refused(raw, pattern=None, labels=paths)
    assert all(fact in text for fact in ("one.csv", "none of the 6 TIFs", "line 2: 0", "a1.tif"))
    assert "set labels" not in text
    (tmp_path / "one.csv").write_text("image,stage\na1,\na2,NA\n", encoding="utf-8")
    text = refused(raw, pattern=None, labels=paths)
    assert "one.csv" in text and "no stage" in text and "set labels" not in text
