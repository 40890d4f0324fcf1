"""Test the review page: its data, and its behaviour in a browser."""

import base64
import csv
import io
import json
import re
from datetime import UTC, datetime

import cv2
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import cohen_kappa_score

import browser
from flystage.core.cells import as_cell, as_meant
from flystage.prediction import review_page
from flystage.raw.stages import Stages
from review_files import ABOUT, EXPORTED, STAGES, data_of, suggestions, write_page
from reviewer import begun

needs_chromium = pytest.mark.skipif(not browser.CHROMIUM, reason="needs Chromium, which is not installed")
WIDTHS = (1280, 820, 390)
HOSTILE = [
    "</script><script>hacked = 1</script>",
    "=cmd|' /C calc'!A0",
    'a"b, c',
    "<img src=x onerror=hacked=1>",
    "{{ 7 * 7 }}",
    "'=x",
    "a;=b",
    "＝1+1",
    "-15min",
    "__proto__",
    "constructor",
]


def jpeg_of(address):
    return cv2.imdecode(np.frombuffer(base64.b64decode(address.partition(",")[2]), np.uint8), cv2.IMREAD_GRAYSCALE)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return suggestions(tmp_path_factory.mktemp("pngs"), 27)


@pytest.fixture(scope="module")
def path(table, tmp_path_factory):
    return write_page(table, tmp_path_factory.mktemp("page") / "predictions.html")


# Data in the page.


def test_page_contains_the_table(table, path):
    data = data_of(path)
    assert [row["image"] for row in data["rows"]] == table["image"].tolist()
    for row, record in zip(data["rows"], table.to_dict("records"), strict=True):
        assert row["sha256"] == record["sha256"] and row["embryo"] == record["embryo"] and row["set"] == record["set"]
        assert row["suggestions"] == [[record[f"stage_{place}"], record[f"p_{place}"]] for place in (1, 2, 3)]
        assert row["time"] == [record["expected_time"], record["time_low"], record["time_high"]]
        assert row["unlike"] == bool(record["unlike"]) and row["unlikeness"] == record["unlikeness"]
        assert row["in_time"] == record["stage_in_time"] and row["doubt"] == record["doubt"]
        assert jpeg_of(row["picture"]).shape[1] == pytest.approx(0.9 * 320, abs=3)
    assert data["stages"] == list(STAGES.names) and data["promised"] == 0.9
    assert "not measurements" in path.read_text(encoding="utf-8")
    assert not (path.parent / "thumbnails").exists()


def test_page_hides_the_folders_of_images_and_checkpoint(table, tmp_path):
    away = table.assign(image="/home/jane/" + table["image"])
    away.loc[0, ["status", "reason"]] = ["rejected", "empty"]
    path = write_page(away, tmp_path / "page.html", folders=["/home/jane/new"])
    text = path.read_text(encoding="utf-8")
    assert "jane" not in text and '<td class="path">new/movie 0/image-0000.tif</td>' in text
    assert [row["image"] for row in data_of(path)["rows"]] == table["image"].tolist()[1:]
    checkpoint = tmp_path / "home" / "checkpoint.pt"
    checkpoint.parent.mkdir()
    checkpoint.write_bytes(b"weights")
    parts = {
        "backbone": {"name": "resnet18"},
        "calibration": {"sets": None, "interval": None},
        "training": {"note": ""},
    }
    assert review_page.about_checkpoint(checkpoint, parts)["checkpoint"] == "checkpoint.pt"
    source = dict(ABOUT["network"]) | {"source": "/home/jane/w.pth"}
    text = write_page(table, tmp_path / "page.html", network=source).read_text(encoding="utf-8")
    assert "jane" not in text and "w.pth weights" in text


def test_rows_are_sorted_by_embryo_time_and_frame_number(table, tmp_path):
    frames = table.iloc[:12].assign(
        embryo=["b10"] * 4 + [""] * 2 + ["b9"] * 6, image="movie.tif", frame=range(11, -1, -1)
    )
    rows = data_of(write_page(frames, tmp_path / "page.html"))["rows"]
    assert [row["embryo"] for row in rows] == ["b9"] * 6 + ["b10"] * 4 + [""] * 2
    timed = table.iloc[:3].assign(time_in_time=[7.5, 6.0, 6.5], image=["z1-t10.tif", "z1-t2.tif", "z0-t3.tif"])
    names = [row["image"] for row in data_of(write_page(timed, tmp_path / "page.html"))["rows"]]
    assert names == ["z1-t2.tif", "z0-t3.tif", "z1-t10.tif"]
    assert [int(row["frame"]) for row in rows] == [0, 1, 2, 3, 4, 5, 8, 9, 10, 11, 6, 7]


def test_page_from_a_table_of_an_earlier_version(table, tmp_path):
    old = table[["image", "status", "reason", "stage_1", "p_1", "set", "expected_time", "unit", "png"]].assign(set="")
    old.loc[0, ["status", "reason"]] = ["rejected", "empty <file>"]
    old.loc[0, ["stage_1", "p_1", "expected_time"]] = np.nan
    path = write_page(old, tmp_path / "page.html", sets=None)
    data = data_of(path)
    assert len(data["rows"]) == 26 and data["promised"] is None
    row = data["rows"][0]
    assert row["sha256"] == "" and row["set"] is None and row["in_time"] is None and row["time"][1:] == [None, None]
    text = path.read_text(encoding="utf-8")
    assert "empty &lt;file&gt;" in text and "no prediction sets" in text


def test_page_with_only_rejected_images(tmp_path):
    table = pd.DataFrame({"image": ["a.tif"], "status": "rejected", "reason": "empty file", "png": ""})
    assert data_of(write_page(table, tmp_path / "page.html"))["rows"] == []


def test_page_of_many_images_keeps_thumbnails_as_files(table, tmp_path, monkeypatch):
    monkeypatch.setattr(review_page, "IN_PAGE", 26)
    path = write_page(table, tmp_path / "page.html")
    data = data_of(path)
    pictures = [tmp_path / row["picture"] for row in data["rows"]]
    assert all(picture.parent.name == "thumbnails" and picture.read_bytes()[:2] == b"\xff\xd8" for picture in pictures)
    write_page(table.iloc[:26], path)
    assert list((tmp_path / "thumbnails").iterdir()) == [], "unused thumbnails remain"
    assert data_of(path)["rows"][0]["picture"].startswith("data:image/jpeg;base64,")


def test_teaches_is_a_column_or_the_mean_rank_of_doubt_and_unlikeness(table, tmp_path):
    some = table.iloc[:3].assign(doubt=[0.1, 0.5, 0.9], unlikeness=[3.0, 0.5, 2.0])
    teaches = [row["teaches"] for row in data_of(write_page(some, tmp_path / "page.html"))["rows"]]
    assert np.argsort(teaches).tolist() == [1, 0, 2]
    teaches = [
        row["teaches"] for row in data_of(write_page(some.assign(unlikeness=""), tmp_path / "page.html"))["rows"]
    ]
    assert np.argsort(teaches).tolist() == [0, 1, 2]
    given = write_page(some.assign(teaches=[7, 9, 8]), tmp_path / "page.html")
    assert [row["teaches"] for row in data_of(given)["rows"]] == [7, 9, 8]


@pytest.mark.parametrize(("height", "width"), [(400, 1), (1, 400), (1, 1), (42, 110), (1000, 300)])
def test_picture_of_any_shape_has_a_thumbnail(tmp_path, table, height, width):
    picture = np.zeros((1200, 1200), np.uint8)
    picture[100 : 100 + height, 50 : 50 + width] = 200
    cv2.imwrite(str(tmp_path / "a.png"), picture)
    path = write_page(table.iloc[:1].assign(png=str(tmp_path / "a.png")), tmp_path / "page.html")
    shape = jpeg_of(data_of(path)["rows"][0]["picture"]).shape
    scale = min(1, 384 / max(height, width))
    assert shape == (max(1, round(scale * height)), max(1, round(scale * width)))


def test_levels_are_the_darkest_and_brightest_grey_values(tmp_path, table):
    picture = np.zeros((64, 64), np.uint8)
    picture[8:40, 8:40] = np.arange(1024).reshape(32, 32) % 100 + 51
    cv2.imwrite(str(tmp_path / "a.png"), picture)
    path = write_page(table.iloc[:1].assign(png=str(tmp_path / "a.png")), tmp_path / "page.html")
    assert data_of(path)["rows"][0]["levels"] == pytest.approx([51, 150], abs=1)


def test_page_escapes_hostile_names(table, tmp_path):
    stages = Stages(HOSTILE, None, "stages")
    hostile = suggestions(tmp_path / "pngs", len(HOSTILE), stages=stages).assign(image=HOSTILE, embryo=HOSTILE)
    path = write_page(hostile, tmp_path / "page.html", stages, checkpoint=HOSTILE[0], note=HOSTILE[3])
    data = data_of(path)
    assert data["stages"] == HOSTILE and sorted(row["image"] for row in data["rows"]) == sorted(HOSTILE)
    assert path.read_text(encoding="utf-8").count("<script") == 2 and "onerror=hacked=1>" not in path.read_text()


def test_content_id_ignores_image_names_and_order(table, tmp_path):
    renamed = table.assign(image=table["image"] + "f").iloc[::-1]
    one, other = (data_of(write_page(each, tmp_path / "page.html"))["content"] for each in (table, renamed))
    assert one == other != data_of(write_page(table.iloc[1:], tmp_path / "page.html"))["content"]


# Behaviour in a browser.


def text_of(page, selector):
    return page.value(f"document.querySelector({json.dumps(selector)}).textContent")


def shown_of(page):
    """Return the number of images that the filters show, as text, None if that is all."""
    found = re.search(r"([\d,]+) shown$", text_of(page, "#counts"))
    return found and found[1]


def export(page, folder):
    """Export from the page. Return the text of labels.csv, its records and the summary."""
    content = page.saved(folder, "labels.csv", "document.querySelector('#export').click()")
    summary = page.saved(
        folder.with_name(f"{folder.name}-summary"),
        "labels_summary.json",
        "document.querySelector('#save-summary').click()",
    )
    page.value("document.querySelector('#summary').close()")
    text = content.decode("utf-8")
    return text, list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))), json.loads(summary)


def write_labels(path, table, stages, who, when="2026-01-01T00:00:00.000Z", **columns):
    """Write a labels.csv as a colleague's page exports it. stages: one per row of the table, None without a label."""
    labels = pd.DataFrame(
        {name: table[name] for name in ("image", "sha256", "frame", "embryo")}
        | {"stage": stages, "use": 1, "reason": "", "suggestion": table["stage_in_time"], "p": "", "blind": 0}
        | {"who": who, "when": when, "checkpoint": "c0ffee", "settled": ""} | columns
    )  # fmt: skip
    labels[labels["stage"].notna()][EXPORTED].to_csv(path, index=False, encoding="utf-8-sig")
    return path


def taken(page, *paths):
    """Import files and return the message of the page."""
    page.value("document.querySelector('#said').textContent = ''")
    page.give("#file", *paths)
    page.wait("document.querySelector('#said').textContent || !document.querySelector('#trouble').hidden")
    return text_of(page, "#said") or text_of(page, "#trouble")


@needs_chromium
def test_keyboard_review_survives_closing_the_browser_and_exports(table, path, tmp_path):
    before = datetime.now(UTC).isoformat()
    with browser.browser(tmp_path / "profile") as page:
        begun(page, path)
        page.press("Enter")
        page.press("ArrowRight", "ArrowRight", "ArrowLeft", "Enter")
        page.press(*"0787", "Backspace", "Backspace", *"87", "Enter")
        page.press("x", "1")
        page.press("X", "3", *'=no, "really"', "Enter")
        assert text_of(page, "#counts").startswith("5 of 27 reviewed, 2 changed, 2 rejected")
        page.press("Enter", "ArrowLeft", "Enter", "u", "u")
        assert text_of(page, "#counts").startswith("5 of 27 reviewed, 2 changed, 2 rejected")
        assert text_of(page, "#name") == "image-0005.tif"
        assert page.faults == []
    with browser.browser(tmp_path / "profile") as page:
        page.open(path, 1280)
        assert not page.value("document.querySelector('#start').open"), "the page asks for the name again"
        assert text_of(page, "#counts").startswith("5 of 27 reviewed, 2 changed, 2 rejected")
        assert text_of(page, "#name") == "image-0005.tif"
        page.press("9", "6", "Enter")
        text, records, summary = export(page, tmp_path / "labels")
        assert (
            page.faults == []
            and [url for url in page.requests if not url.startswith(("file:", "data:", "blob:"))] == []
        )
    assert text.startswith("\ufeff" + ",".join(EXPORTED) + "\n") and text.endswith("\n")
    assert all(before <= record["when"] <= datetime.now(UTC).isoformat() for record in records)
    decided = [
        ("051", 1, ""),
        ("069", 1, ""),
        ("087", 1, ""),
        ("", 0, "no embryo"),
        ("", 0, '"\'=no, ""really"""'),
        ("096", 1, ""),
    ]
    lines = []
    for row, (stage, use, reason) in zip(table.to_dict("records"), decided, strict=False):
        shares = {row[f"stage_{place}"]: row[f"p_{place}"] for place in (1, 2, 3)}
        p = shares.get(row["stage_in_time"], "")
        lines.append(
            f"{row['image']},{row['sha256']},,{stage},{row['embryo']},{use},{reason},{row['stage_in_time']},{p},0,Ada,WHEN,c0ffee0123456789,"
        )
    assert re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "WHEN", text).splitlines()[1:] == lines
    assert (
        summary["reviewed"] == 6
        and summary["changed"] == 2
        and summary["rejected"] == 2
        and summary["as_suggested"] == 2
    )
    assert summary["with_network"][0]["agreement"] == 0.5 and summary["with_network"][0]["blind"] is None


@needs_chromium
def test_mouse_does_what_the_keys_do(path, tmp_path):
    with browser.browser() as page:
        begun(page, path)
        page.touch("#accept")
        page.touch("#later")
        page.touch("#accept")
        page.touch("#ruler button:nth-child(9)")
        page.touch("#accept")
        page.touch("#reject")
        page.touch("#why .buttons button")
        page.touch("#accept")
        page.touch("#undo")
        page.press("ArrowDown", "Enter")  # after a click, the list gets the keys
        page.touch("#picture")
        assert page.value("document.querySelector('#picture img').getBoundingClientRect().width") > 800
        page.press("Escape")
        assert page.value("document.querySelector('#picture img').getBoundingClientRect().width") < 500
        page.touch("#row7")
        assert text_of(page, "#name") == "image-0007.tif"
        page.touch("#before")
        assert text_of(page, "#name") == "image-0006.tif"
        _, records, _ = export(page, tmp_path / "labels")
        found = [(record["image"][-8:-4], record["stage"], record["reason"]) for record in records]
        assert found == [
            ("0000", "051", ""),
            ("0001", "069", ""),
            ("0002", "123", ""),
            ("0003", "", "no embryo"),
            ("0005", "096", ""),
        ]
        before = page.value("document.querySelector('#picture img').style.filter")
        page.value("document.querySelector('#brightness').value = 2; document.querySelector('#brightness').oninput()")
        assert page.value("document.querySelector('#picture img').style.filter") == before.replace(
            " brightness(1)", " brightness(2)"
        )
        assert page.faults == []


@needs_chromium
def test_typing_a_name_selects_a_stage_also_with_command_letters(tmp_path):
    stages = Stages(["unfertilised", "gastrula", "germ band extended", "hatched X", "6", "060"], None, "stages")
    path = write_page(
        suggestions(tmp_path / "pngs", 6, stages=stages).assign(stage_in_time="gastrula"),
        tmp_path / "page.html",
        stages,
    )
    with browser.browser() as page:
        begun(page, path)
        for keys, stage in {"hatched x": 3, "nfert": 0, "germ band": 2, "GAS": 1, "6": 4, "60": 5, "0": 5}.items():
            page.press("ArrowDown", "ArrowUp", *keys)
            expected = stages.names[stage]
            assert text_of(page, "#decision strong") == (
                expected if expected == "gastrula" else f"gastrula → {expected}"
            )
        page.press("ArrowDown", "ArrowUp", *"q")
        said = text_of(page, "#said")
        assert "“q”" in said and "Enter" not in said, "a stage was found"
        page.press("ArrowLeft", "Enter", "u")
        assert text_of(page, "#counts").startswith("0 of 6 reviewed")


@needs_chromium
def test_list_draws_only_visible_lines_and_filters_select(tmp_path):
    table = suggestions(tmp_path / "pngs", 5000, pictures=20, size=32)
    path = write_page(table, tmp_path / "page.html")
    with browser.browser() as page:
        begun(page, path)
        assert page.value("document.querySelectorAll('*').length") < 1200
        page.value("scrollTo(0, 1e9)")
        page.wait("document.querySelector('#row4999') && !document.querySelector('#row0')")
        assert page.value("document.querySelectorAll('*').length") < 1200
        page.press("End")
        assert text_of(page, "#name") == "image-4999.tif"
        page.press("Home")
        assert text_of(page, "#name") == "image-0000.tif" and page.value("document.querySelector('#row0') !== null")
        disagrees = table["stage_in_time"] != table["stage_1"]
        counts = {
            "unseen": 5000,
            "unsure": (table["doubt"] > 0.5).sum(),
            "unlike": table["unlike"].sum(),
            "disagrees": disagrees.sum(),
        }
        for name, count in counts.items():
            page.touch(f"#filters [data-filter={name}]")
            assert shown_of(page) == (None if count == 5000 else f"{count:,}")
            page.touch(f"#filters [data-filter={name}]")
        page.touch("#filters [data-filter=unlike]")
        page.touch("#filters [data-filter=disagrees]")
        assert shown_of(page) == f"{(disagrees & (table['unlike'] == 1)).sum():,}"
        page.touch("#filters [data-filter=unlike]")
        page.touch("#filters [data-filter=disagrees]")
        page.press("/", *"movie 7/ 0066")
        assert shown_of(page) == "1" and text_of(page, "#name") == "image-0066.tif"
        page.press("Enter", "Enter")
        page.value("document.querySelector('#search').value = ''; document.querySelector('#stage').value = '060'")
        page.value("document.querySelector('#stage').dispatchEvent(new Event('change', {bubbles: true}))")
        assert shown_of(page) == f"{(table['stage_in_time'] == '060').sum():,}"
        page.value("document.querySelector('#stage').value = ''")
        for sort, column in (("doubt", "doubt"), ("teaches", "teaches")):
            page.value(f"document.querySelector('#sort').value = '{sort}'; document.querySelector('#sort').onchange()")
            page.press("Home")
            values = {row["name"]: row[column] for row in data_of(path)["rows"]}
            assert values[text_of(page, "#name")] == max(values.values())
        page.touch("#filters [data-filter=unseen]")
        assert shown_of(page) == "4,999"
        assert page.faults == []


@needs_chromium
def test_import_adds_labels_and_asks_about_each_disagreement(table, path, tmp_path):
    stages = [*table["stage_in_time"][:9], *[None] * 18]
    bob = write_labels(tmp_path / "bob.csv", table, stages, "Bob")
    with browser.browser() as page:
        begun(page, path)
        assert re.match(r"bob\.csv: 9 imported, 0 identical\W*$", taken(page, bob))
        assert text_of(page, "#name") == "image-0009.tif"
        page.press("Enter", "Home", "ArrowRight", "Enter")
        _, records, _ = export(page, tmp_path / "first")
        assert [record["who"] for record in records] == ["Ada", *["Bob"] * 8, "Ada"]

        others = ["051", "123", "123", *[None] * 6, "123", "060", *[None] * 16]
        eve = write_labels(tmp_path / "eve.csv", table, others, "Eve", blind=1)
        assert re.match(r"eve\.csv: 1 imported, 0 identical, 4 differ", taken(page, eve))
        assert shown_of(page) == "4" and text_of(page, "#name") == "image-0000.tif"
        assert "051, Eve, blind" in text_of(page, "#others") and "060, Ada" in text_of(page, "#others")
        assert text_of(page, "[data-filter=differs]").endswith(": 4")
        page.touch("#others button:nth-child(2)")  # Eve's
        page.touch("#others button:nth-child(1)")  # Bob's
        page.press("ArrowRight", "Enter")  # neither
        page.press("u", "Enter")  # Bob's after all
        assert text_of(page, "[data-filter=differs]").endswith(": 1")
        _, records, summary = export(page, tmp_path / "second")
        assert [(record["stage"], record["who"]) for record in records[:3]] == [
            ("051", "Eve"),
            ("060", "Bob"),
            ("069", "Bob"),
        ]
        told = [json.loads(record["settled"] or "[]") for record in records[:4]]
        assert [{who for who, _ in each} for each in told] == [{"Ada", "Bob"}, {"Eve"}, {"Eve"}, set()]
        assert summary["differences_open"] == 1
        assert {tuple(each["who"]): each["images"] for each in summary["between_people"]} == {
            ("Ada", "Eve"): 1,
            ("Bob", "Eve"): 3,
        }

        assert "bob.csv: 0 imported" in taken(page, bob), "the second import changed something"
        page.press("u")
        page.touch("#all") if page.value("document.querySelector('#none').hidden === false") else None
        assert text_of(page, "#counts").startswith("11 of 27")
        wrong = tmp_path / "other.csv"
        wrong.write_text("a,b\n1,2\n")
        said = taken(page, wrong)
        assert said.startswith("other.csv") and "columns: sha256, frame, stage, use" in said
        assert page.faults == []


@needs_chromium
def test_import_reads_a_file_that_a_spreadsheet_saved(table, path, tmp_path):
    stages = [*table["stage_in_time"][:4].str.lstrip("0"), *[None] * 23]
    text = write_labels(tmp_path / "a.csv", table, stages, "Jörg").read_text(encoding="utf-8-sig")
    spoiled = tmp_path / "spoiled.csv"
    text = (
        text.replace(",", ";").replace("\n", "\r\n")
        + ("gone.tif;" + "0" * 64 + ";;51;;1;;;;0;J;;\r\n")
        + (f"x;{table['sha256'][5]};;nonsense;;1;;;;0;J;;\r\n")
    )
    spoiled.write_bytes(text.encode("windows-1252"))
    with browser.browser() as page:
        begun(page, path)
        said = taken(page, spoiled)
        assert re.match(r"spoiled\.csv: 4 imported, 0 identical, 1 for images [^,]*, 1 with a stage ", said)
        _, records, _ = export(page, tmp_path / "out")
        assert [record["stage"] for record in records] == ["051", "060", "069", "078"]
        assert {record["who"] for record in records} == {"Jörg"}


@needs_chromium
@pytest.mark.parametrize("unit", ["min", None])
def test_agreement_equals_that_of_scikit_learn(table, path, tmp_path, unit):
    rng = np.random.default_rng(3)
    truth = np.arange(27) % 9
    if unit is None:
        path = write_page(table, tmp_path / "page.html", Stages(STAGES.names, None, None))
    said, blind = {}, {}
    for who in ("Ann", "Bob"):
        said[who] = np.clip(truth + rng.integers(-1, 3, 27), 0, 8)
        blind[who] = rng.integers(0, 2, 27)
        write_labels(
            tmp_path / f"{who}.csv", table, [STAGES.names[place] for place in said[who]], who, blind=blind[who]
        )
    with browser.browser() as page:
        begun(page, path)
        taken(page, tmp_path / "Ann.csv", tmp_path / "Bob.csv")
        _, _, summary = export(page, tmp_path / "out")
    network = table["stage_in_time"].map(STAGES.labels).to_numpy()
    ann, bob = (blind[who] == 1 for who in ("Ann", "Bob"))
    pairs = [
        (summary["with_network"][0], said["Ann"], network, ann),
        (summary["with_network"][1], said["Bob"], network, bob),
        (summary["between_people"][0], said["Ann"], said["Bob"], ann & bob),
    ]
    weights = "linear" if unit else None
    for figures, one, other, both_blind in pairs:
        for its, chosen in ((figures, slice(None)), (figures["blind"], both_blind)):
            kappa = cohen_kappa_score(one[chosen], other[chosen], labels=range(9), weights=weights)
            assert its["kappa"] == pytest.approx(kappa, abs=1e-12)
            assert its["agreement"] == pytest.approx((one[chosen] == other[chosen]).mean())
            near = (np.abs(one[chosen] - other[chosen]) <= 1).mean()
            assert its["within_one"] == (pytest.approx(near) if unit else None)
            assert its["images"] == len(one[chosen])
    assert ("linear weights" in summary["kappa"]) == (unit is not None)


@needs_chromium
def test_blind_review_hides_the_suggestion_until_a_stage_is_accepted(table, path, tmp_path):
    with browser.browser() as page:
        begun(page, path, how="blind")
        visible = "document.querySelector('#review').innerText"
        assert (
            "58 %" not in page.value(visible)
            and "set:" not in page.value(visible)
            and "single:" not in page.value(visible)
        )
        assert page.value("document.querySelectorAll('#ruler i, #ruler .in-set, #ruler .suggested').length") == 0
        assert page.value("[...document.querySelectorAll('.chip')].every(each => each.textContent === '?')")
        page.press("Enter")
        assert "a stage first" in text_of(page, "#said")
        page.press("6", "0", "Enter")  # blind
        page.press("ArrowUp")
        assert "Prediction set:" in text_of(page, "#facts"), "the suggestion stays hidden after the stage"
        page.press("ArrowLeft", "Enter")  # changed after it was shown
        page.press("ArrowRight", "Enter")  # begins one stage below that of the image before
        page.press("x", "2")
        page.touch("#blind")  # the suggestions are shown
        page.touch("#blind")
        page.press("7", "8", "Enter")  # its suggestion was seen
        _, records, summary = export(page, tmp_path / "labels")
        found = [(record["stage"], record["blind"]) for record in records]
        assert found == [("051", "0"), ("051", "1"), ("", "1"), ("078", "0")]
        assert summary["with_network"][0]["blind"]["images"] == 2 and summary["with_network"][0]["images"] == 3
        assert summary["with_network"][0]["blind"]["agreement"] == 0, (
            "an answer after the suggestion replaced the blind one"
        )
        assert page.faults == []


@needs_chromium
def test_page_fits_every_width_and_labels_every_control(path, tmp_path):
    with browser.browser() as page:
        for width in WIDTHS:
            begun(page, path, width=width)
            for layout in ("grid", "rows"):
                page.value(f"document.querySelector('#{layout}').click()")
                for large in (False, True):
                    page.value(f"document.body.classList.toggle('large', {str(large).lower()})")
                    assert page.value("document.documentElement.scrollWidth") <= width, (width, layout, large)
                    over = """[...document.querySelectorAll('#review button, #review input')]
                        .filter(each => each.offsetParent && each.getBoundingClientRect().right > innerWidth).map(each => each.id)"""
                    assert page.value(over) == []
        unnamed = """[...document.querySelectorAll('button, input, select, img')].filter(each => each.offsetParent
            && !(each.textContent.trim() || each.ariaLabel || each.title || each.labels?.length || each.alt !== undefined))
            .map(each => each.outerHTML)"""
        assert page.value(unnamed) == []
        assert (
            page.value(
                "document.getElementById(document.querySelector('#list').getAttribute('aria-activedescendant')).ariaSelected"
            )
            == "true"
        )
        printed = page.printed()
        assert len(re.findall(rb"/Type\s*/Page\b", printed)) > 1
        page.value("dispatchEvent(new Event('beforeprint'))")
        assert page.value("document.querySelectorAll('#printed tbody tr').length") == 27
        assert page.faults == []


@needs_chromium
def test_full_or_forbidden_storage_gives_a_warning(path):
    for name, words in (("QuotaExceededError", "is full"), ("SecurityError", "forbids")):
        with browser.browser() as page:
            script = f"Storage.prototype.setItem = () => {{ throw new DOMException('no', '{name}'); }}"
            page.ask("Page.addScriptToEvaluateOnNewDocument", source=script)
            begun(page, path)
            page.press("Enter")
            page.wait("!document.querySelector('#trouble').hidden")
            assert words in text_of(page, "#trouble") and "Export" in text_of(page, "#trouble")
            assert text_of(page, "#counts").startswith("1 of 27")


@needs_chromium
def test_clear_asks_first_and_answers_survive_a_new_prediction(table, path, tmp_path):
    more = write_page(table.iloc[:20], tmp_path / "more.html")
    with browser.browser() as page:
        begun(page, path)
        page.press("Enter")
        page.value("window.setTimeout = () => 0")
        page.press("Enter")
        begun(page, path)  # before the delayed storing
        page.touch("#clear")
        asked = text_of(page, "#sure-text")
        assert "2 answers" in asked and "exported" in asked
        page.touch("#sure button")
        assert text_of(page, "#counts").startswith("2 of 27")
        page.open(more, 1280)
        assert "2 answers" in text_of(page, "#earlier-work")
        page.touch("#earlier-work button")
        assert text_of(page, "#counts").startswith("2 of 20") and text_of(page, "#person") == "Ada"
        page.touch("#clear")
        page.touch("#sure .danger")
        assert text_of(page, "#counts").startswith("0 of 20") and page.value("document.querySelector('#start').open")
        page.touch("#start [value=look]")
        page.press("Enter")
        assert page.value("document.querySelector('#start').open"), "a label was accepted without a name"
        page.press(*"Eve", "Enter")
        assert text_of(page, "#counts").startswith("1 of 20") and text_of(page, "#person") == "Eve"
        begun(page, path)
        assert text_of(page, "#counts").startswith("2 of 27")
        assert page.faults == []


@needs_chromium
def test_hostile_names_are_harmless_and_survive_export_and_import(tmp_path):
    stages = Stages(HOSTILE, None, "stages")
    hostile = suggestions(tmp_path / "pngs", len(HOSTILE), stages=stages).assign(
        image=HOSTILE, embryo=HOSTILE, stage_in_time=""
    )
    path = write_page(hostile, tmp_path / "page.html", stages, note=HOSTILE[3])
    who = HOSTILE[1] + "\u00fc"
    with browser.browser() as page:
        begun(page, path, who)
        page.press(*["Enter"] * len(HOSTILE))
        text, records, _ = export(page, tmp_path / "out")
        assert page.value("typeof hacked") == "undefined" and page.faults == []
        assert not re.search(r'(?:^|,)"?[=+@-]', text.removeprefix("\ufeff"), re.MULTILINE)
        assert {as_meant(record["image"]) for record in records} == set(HOSTILE)
        assert all(record["image"] == as_cell(as_meant(record["image"])) for record in records)
        assert {record["who"] for record in records} == {"'" + who}
        page.touch("#clear")
        page.touch("#sure .danger")
        page.touch("#start [value=look]")
        assert taken(page, tmp_path / "out/labels.csv").startswith(f"labels.csv: {len(HOSTILE)} imported, 0 identical")
        again, _, _ = export(page, tmp_path / "again")
        assert again == text and page.value("typeof hacked") == "undefined" and page.faults == []


@needs_chromium
def test_page_shows_the_curve_of_a_movie(table, tmp_path):
    figure = tmp_path / "curve.svg"
    figure.write_text('<svg xmlns="http://www.w3.org/2000/svg" width="300" height="100"></svg>')
    series = {
        "embryo00": {"rate": 1.234, "interval": [1.0, 1.5], "figure": str(figure)},
        "embryo01": {"rate": None, "interval": None, "figure": None},
    }
    path = write_page(table, tmp_path / "page.html", series=series)
    with browser.browser() as page:
        begun(page, path)
        assert "1.23 (1 to 1.5) min" in text_of(page, ".heading")
        page.touch(".heading button")
        page.wait("document.querySelector('#curve').open && document.querySelector('#curve img').naturalWidth === 300")
        assert page.faults == []


@needs_chromium
def test_page_shows_the_occlusion_maps_it_got(table, tmp_path):
    drops = [[0.3, -0.1, 0.0]]
    looked = [{"png": table["png"][0], "box": [60, 10, 260, 310], "believed": 0.8, "drops": drops}]
    path = write_page(table, tmp_path / "page.html", looked=looked)
    assert [row["key"] for row in data_of(path)["rows"] if row["looked"]] == [f"{table['sha256'][0][:16]}:"]
    with browser.browser() as page:
        begun(page, path)
        page.value("document.querySelector('#looked summary').click()")
        page.wait("document.querySelector('#looked img').naturalWidth > 50")
        assert table["stage_1"][0] in text_of(page, "#looked p")
        page.press("ArrowDown")
        assert not page.value("document.querySelector('#looked')") and page.faults == []
    with browser.browser() as page:
        begun(page, path, how="blind")
        assert not page.value("document.querySelector('#looked')")
