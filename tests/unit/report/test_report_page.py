"""The report shows the numbers of its files, copes with missing parts and works in a browser."""

import html
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import yaml

import browser
from flystage.core.records import read_json, write_json
from flystage.core.tables import read_predictions, read_runs, read_text
from flystage.evaluation.metrics import metrics
from flystage.raw.stages import Stages
from flystage.report import crossval_figures, figures, report_page
from flystage.report.templates import WAYS
from flystage.run.rule_log import AT_THE_END
from report_files import REPOSITORY, write_page, write_page_of, write_results

NUMBERS = Stages([f"{51 + 3 * place:03d}" for place in range(60)], [51 + 3 * place for place in range(60)], "min")
WORDS = Stages(
    ["pre-blastoderm stage", "cellularisation", "gastrulation", "germ-band extension", "germ-band retraction"]
    + ["dorsal closure", "hatching"],
    None,
    "stages",
)
ODD = Stages(["a^$ 1", "$\\foo$", "<b>bold</b>", "x_{2", "100%"])
KINDS = {"60 numbers": NUMBERS, "7 words": WORDS, "signs": ODD}
WIDTHS = (1280, 390)


@pytest.fixture(scope="module", params=KINDS)
def run(request, tmp_path_factory):
    """Return (stages, results folder with a page) for stages of each kind."""
    results = tmp_path_factory.mktemp("results")
    stages = KINDS[request.param]
    write_page(results, write_results(results, stages, embryos=8 if stages is NUMBERS else 12))
    return stages, results


class Numbers(HTMLParser):
    """All <data> of a page: the place in the files, the value and the visible text of each."""

    def __init__(self, page):
        super().__init__()
        self.found, self.open = [], None
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        if tag == "data":
            self.open = dict(attributes) | {"seen": ""}

    def handle_data(self, text):
        if self.open:
            self.open["seen"] += text

    def handle_endtag(self, tag):
        if tag == "data":
            self.found.append(self.open)
            self.open = None


def at(records, pointer):
    for key in pointer.split("/"):
        key = key.replace("~1", "/").replace("~0", "~")
        records = records[int(key)] if isinstance(records, list) else records[key]
    return records


def test_every_number_on_the_page_is_that_of_its_file(run):
    stages, results = run
    predictions = read_predictions(results / "evaluation/predictions.csv")
    catalog = read_text(results / "catalog.csv")
    used = catalog[catalog["status"] == "used"]
    manifests = {split: read_text(results / f"manifests/{split}.csv") for split in ("train", "val", "test")}
    records = {
        name: read_json(results / f"evaluation/{name}.json") for name in ("metrics", "crossval", "null", "occlusion")
    }
    records["test_embryos"] = [
        {"images": len(rows), "top_1": (rows["rank"] == 1).mean(), "mae": rows["time_error"].abs().mean()}
        for _, rows in predictions.groupby("embryo")
    ]
    records["catalog"] = {"found": len(catalog)}
    records["runs"] = read_runs(results / "history.csv")
    records["origins"] = {"given": (used["origin"] == "given").sum()}
    records["counts"] = {
        split: {"embryos": rows["embryo"].nunique(), "tifs": (used["split"] == split).sum(), "pngs": len(rows)}
        for split, rows in manifests.items()
    }
    records["stages"] = [
        {
            "tifs": [((used["split"] == split) & (used["stage"] == stage)).sum() for split in manifests],
            "pngs": [(rows["stage"] == stage).sum() for rows in manifests.values()],
        }
        for stage in stages.names
    ]
    records["splits"] = {
        split: [{"images": len(rows), "stages": rows["stage"].nunique()} for _, rows in manifest.groupby("embryo")]
        for split, manifest in manifests.items()
    }
    folds = read_predictions(results / "evaluation/crossval.csv").set_index("source")
    page = (results / "report.html").read_text(encoding="utf-8")
    sources = re.findall(r'<figcaption>True .*?<span class="path">(.*?)</span>', page, re.DOTALL)
    records["worst"] = [
        {
            "p_true": row[f"p_{row['stage']}"],
            "p_predicted": row[f"p_{row['predicted']}"],
            "time_error": row["time_error"],
        }
        for _, row in folds.loc[sources].iterrows()
    ]
    numbers = Numbers(page).found
    assert len(numbers) > 150 and {each["data-at"].split("/")[0] for each in numbers} == set(records)
    for each in numbers:
        assert float(each["value"]) == pytest.approx(at(records, each["data-at"])), each
        assert each["seen"] in {write(float(each["value"])) for write in WAYS.values()}, each


def test_predictions_and_metrics_agree(run):
    stages, results = run
    for table, record in (("predictions.csv", "metrics.json"), ("crossval.csv", "crossval.json")):
        predictions = read_predictions(results / "evaluation" / table)
        recorded = read_json(results / "evaluation" / record)
        recorded = recorded.get("crossval", recorded)
        again = metrics(predictions, stages, [1, 3, 6])
        assert {key: recorded[key] for key in again} == json.loads(json.dumps(again))


def test_the_summary_has_the_shares_of_cross_validation(run):
    _, results = run
    share = read_json(results / "evaluation/crossval.json")["crossval"]["top_k"]["3"]
    low, high = (f"{100 * end:.0f}" for end in share["ci95"])
    page = (results / "report.html").read_text(encoding="utf-8")
    summary = re.search(r'<p class="verdict[^>]*>(.*?)</p>', page)[1]
    assert re.search(rf"first 3 suggestions .*\b{100 * share['accuracy']:.0f} % .*\b{low} to {high} %", summary)


def test_the_sections_are_in_order(run):
    page = (run[1] / "report.html").read_text(encoding="utf-8")
    contents = re.findall(r'<li><a href="#([a-z]+)">', page)
    assert contents == ["top", "crossval", "simple", "leak", "null", "fails", "sure", "sets", "more", "looks", "runs", "test",
                        "cannot", "data", "preparation", "training", "origin"]  # fmt: skip
    places = [page.index(f'id="{name}"') for name in contents]
    assert places == sorted(places)


def test_the_page_counts_checked_suggestions_and_shows_changes(run):
    stages, results = run
    page = (results / "report.html").read_text(encoding="utf-8")
    assert re.search(f"<strong>{len(stages)} [^<]*suggestion[^<]*</strong>", page)
    assert "latter two" in page and 'id="figure-runs"' in page


def test_figures_are_png_and_svg_with_the_same_bytes_each_time(tmp_path):
    folders = tmp_path / "a", tmp_path / "b"
    for folder in folders:
        write_page(folder, write_results(folder, ODD, embryos=8))
    pngs = sorted(path.relative_to(folders[0]) for path in folders[0].glob("figures/**/*.png"))
    assert len(pngs) > 12
    for path in [*pngs, *(png.with_suffix(".svg") for png in pngs)]:
        assert (folders[0] / path).read_bytes() == (folders[1] / path).read_bytes(), path
    assert "<text" in (folders[0] / "figures/top_k.svg").read_text()


def test_missing_parts_are_left_out(tmp_path, monkeypatch):
    files = write_results(tmp_path, WORDS, embryos=8)
    write_page(tmp_path, files)
    for module in (figures, crossval_figures):  # all are drawn by now
        monkeypatch.setattr(module, "save", lambda figure, path: plt.close(figure))
    record = read_json(files["crossval"])
    for missing in record:
        write_json(record | {missing: None}, files["crossval"])
        write_page(tmp_path, files)
    write_json(dict.fromkeys(record), files["crossval"])
    write_json({}, files["null"])
    page = write_page(tmp_path, files).read_text(encoding="utf-8")
    assert 'id="simple"' not in page and 'id="null"' not in page and 'id="fails"' in page
    for name in ("crossval", "crossval_table", "null"):
        del files[name]
    page = write_page(tmp_path, files).read_text(encoding="utf-8")
    assert 'id="crossval"' not in page and '<div class="errors">' in page and "based on the test split" in page


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return (results folder, its files) with all figures drawn, to write pages of other records."""
    results = tmp_path_factory.mktemp("made")
    files = write_results(results, ODD, embryos=8)
    write_page(results, files)
    return results, files


@pytest.fixture
def page_with(made):
    """Return a function that writes the page after changing parts of the record of cross-validation."""
    results, files = made
    drawn = sorted(results.glob("figures/crossval/*.png"))
    record = read_json(files["crossval"])

    def page_with(**changes):
        changed = {part: record[part] | values for part, values in changes.items()}
        write_json(record | changed, files["crossval"])
        return html.unescape(write_page_of(results, files, drawn).read_text(encoding="utf-8"))

    yield page_with
    write_json(record, files["crossval"])


TOO_SURE, LESS_SURE, AS_SURE = "was overconfident", "was underconfident", "was well calibrated"
FLATTERS, NOT_HERE = "The difference is not skill", "Here the leak does not raise the accuracy"
LESS, NOTHING = "With 4 embryos, at most 80.0 % can be promised", "<p>Too few embryos.</p>"
NO_LEAK = {"top_k": {"1": {"accuracy": 0.0}}}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"calibration": {"temperature": 1.06}, "sets": {"asked": 0.9, "promised": 0.8, "embryos": 4}}, {TOO_SURE, LESS, FLATTERS}),
        ({"calibration": {"temperature": 0.94}, "sets": {"asked": 0.9, "promised": 0.9}, "random_split": NO_LEAK}, {LESS_SURE, NOT_HERE}),
        ({"calibration": {"temperature": 1.04}, "sets": {"mean_size": None, "why": "Too few embryos."}}, {AS_SURE, NOTHING, FLATTERS}),
    ],
)  # fmt: skip
def test_words_follow_from_the_numbers_and_warnings_come_at_the_end(page_with, caplog, changes, said):
    page = page_with(**changes)
    words = re.sub("</?(data|strong)[^>]*>", "", page)
    assert {each for each in (TOO_SURE, LESS_SURE, AS_SURE, FLATTERS, NOT_HERE, LESS, NOTHING) if each in words} == said
    assert ("can be promised. Sets contain" in words) == (LESS in said)
    assert ("You asked for" in words) == (NOTHING not in said)
    records = [record for record in caplog.records if record.levelname == "WARNING"]
    assert len(records) > 2 and all(getattr(record, AT_THE_END) for record in records)
    assert all(f"<li>{record.getMessage()}</li>" in page for record in records)


def test_page_and_paragraph_hide_local_paths_and_credentials(tmp_path, monkeypatch):
    monkeypatch.setenv("LAB_TOKEN", "correct-horse")
    files = write_results(tmp_path, ODD, embryos=8)
    for name in ("catalog", "predictions", "crossval_table", "crossval", "occlusion", *files["manifests"]):
        path = Path(files.get(name, name))
        path.write_text(path.read_text().replace("raw/", "/home/jane/mails/may/"))
    catalog = files["catalog"].read_text().replace("empty file", "same bytes as /home/jane/mails/may/b.tif")
    files["catalog"].write_text(catalog)
    write_json(read_json(files["network"]) | {"source": "/home/jane/w.pth"}, files["network"])
    config = yaml.safe_load((REPOSITORY / "config.yaml").read_text(encoding="utf-8"))
    page = write_page(
        tmp_path, files, raw=["/home/jane/mails/may"], labels=["/home/jane/labels.csv"], results="/home/jane/results/may",
        split=config["split"] | {"lock": "../jane/lock.csv"}, model=config["model"] | {"weights": "/home/jane/w.pth"},
        note="From https://lab:secret1@server/data with correct-horse.",
    ).read_text(encoding="utf-8")  # fmt: skip
    methods = (tmp_path / "report/methods.txt").read_text(encoding="utf-8")
    for text in (page, methods):
        assert not any(hidden in text for hidden in ("jane", "secret1", "horse")) and "w.pth" in text
    shown = re.search(r"<summary>Settings</summary><pre>(.*?)</pre>", page, re.DOTALL)[1]
    assert yaml.safe_load(html.unescape(shown)) == config | {
        "raw": ["may"], "labels": ["labels.csv"], "results": "may", "split": config["split"] | {"lock": "lock.csv"},
        "model": config["model"] | {"weights": "w.pth"}, "note": "From https://[hidden]@server/data with [hidden].",
    }  # fmt: skip
    assert 'class="path">may/a &lt;b&gt;.tif</td>' in page and "same bytes as may/b.tif" in page
    assert page.count('class="path">may/embryo') > 9


def test_the_nine_worst_errors_are_shown_in_order(run):
    stages, results = run
    page = (results / "report.html").read_text(encoding="utf-8")
    shown = re.findall(r'<figcaption>True .*?<span class="path">(.*?)</span>', page, re.DOTALL)
    folds = read_predictions(results / "evaluation/crossval.csv")
    true = np.array([row[f"p_{row['stage']}"] for _, row in folds.iterrows()])
    badness = folds["time_error"].abs() if stages.unit else pd.Series(1 - true)
    wrong = folds[folds["predicted"] != folds["stage"]]
    order = wrong.assign(badness=badness).sort_values(["badness", "source"], ascending=[False, True])
    assert shown == order["source"].head(9).tolist()


# The warnings of the report, each on both sides of its condition.

THREE = Stages(["051", "060", "069"], [51, 60, 69], "min")
IN_ORDER, WITHOUT_ORDER = Stages(["early", "middle", "late"], None, "stages"), Stages(["early", "late", "middle"])


def share(low, chance):
    return {"accuracy": 1.0, "ci95": [low, 1.0], "chance": chance}


ALIKE = {
    "path": "raw/a.tif",
    "dtype": "uint16",
    "channels": "1",
    "width": "90",
    "height": "40",
    "brightness": "30",
    "pixel_size": "",
}


def warned(used=(), predictions=(), stages=THREE, top_k=(), config=(), embryos=5, images=90):
    """Return the warnings of a run without problems, apart from the given columns, settings and figures."""
    splits = ["train", "train", "val", "test"]
    rows = [(f"e{place}", split, stage) for place, split in enumerate(splits) for stage in stages.names]
    table = pd.DataFrame(rows, columns=["embryo", "split", "stage"])
    table = table.assign(clipped="0.04", **ALIKE)
    table = used if isinstance(used, pd.DataFrame) else table.assign(**dict(used))
    answers = pd.DataFrame(np.eye(len(stages)), columns=[f"p_{stage}" for stage in stages.names]).assign(
        **dict(predictions)
    )
    measured = {
        "embryos": embryos,
        "images": images,
        "top_k": {"1": share(0.4, 1 / 3), "3": share(1.0, 1.0)} | dict(top_k),
    }
    settings = {"model": {"weights": "imagenet"}, "labels": None, "image": {"field": "auto"}} | dict(config)
    return report_page._warnings(table, answers, stages, measured, settings)


def table_of(rows):
    """Return a table of used images. rows: (embryo, split, stage)."""
    return pd.DataFrame(rows, columns=["embryo", "split", "stage"]).assign(clipped="0", **ALIKE)


def test_a_run_without_problems_only_names_its_number_of_embryos():
    (only,) = warned()
    assert only.startswith("The test split has 5 embryos and 90 images.") and "five" not in only


@pytest.mark.parametrize(
    ("said", "not_said", "sentence"),
    [
        ({"embryos": 4}, {"embryos": 5}, "fewer than five embryos"),
        ({"embryos": 1}, {"embryos": 2}, "The test split has 1 embryo and"),
        (
            {"predictions": {f"p_{stage}": [0.3, 0.305, 0.3] for stage in THREE.names}},
            {"predictions": {"p_051": [0.3, 0.31, 0.3], "p_060": [0.3] * 3, "p_069": [0.4] * 3}},
            "same answer for every test image",
        ),
        ({"top_k": {"1": share(1 / 3, 1 / 3)}}, {"top_k": {"1": share(0.34, 1 / 3)}}, "top-k interval"),
        (
            {"top_k": {"1": share(0.2, 1 / 3), "2": share(0.6, 2 / 3)}},
            {"top_k": {"1": share(0.2, 1 / 3), "2": share(0.7, 2 / 3)}},  # one is enough
            "top-k interval",
        ),
        ({"config": {"model": {"weights": "none"}}}, {"config": {"model": {"weights": "w.pth"}}}, "model.weights"),
        ({"used": {"clipped": ["0.0"] * 11 + ["0.8"]}}, {"used": {"clipped": ["0.0"] * 11 + ["0.6"]}}, "image.normalize.factor"),
        ({"used": {"width": ["80"] + ["90"] * 11}}, {"used": {"width": "80"}}, "image.field"),
        ({"used": {"height": ["80"] + ["40"] * 11}}, {"used": {"height": "80"}}, "image.field"),
        (
            {"used": {"width": ["80"] + ["90"] * 11}},
            {"used": {"width": ["80"] + ["90"] * 11}, "config": {"image": {"field": 500}}},
            "image.field",
        ),
        ({"stages": WITHOUT_ORDER}, {"stages": IN_ORDER}, "alphabetical order"),
        ({"stages": IN_ORDER}, {"stages": WITHOUT_ORDER}, "Errors are counted in stages"),
    ],
)  # fmt: skip
def test_each_warning_appears_exactly_under_its_condition(said, not_said, sentence):
    assert [warning for warning in warned(**said) if sentence in warning]
    assert not [warning for warning in warned(**not_said) if sentence in warning]


def test_the_share_of_saturated_pixels_is_the_mean_in_percent():
    warnings = warned(used={"clipped": ["0.1"] * 6 + ["0.3"] * 6})
    assert any("20 %" in warning and "image.normalize.factor" in warning for warning in warnings)


def test_stages_missing_from_a_split_are_named():
    every = [("e0", "train"), ("e1", "val"), ("e2", "test")]
    rows = [(embryo, split, stage) for embryo, split in every for stage in THREE.names]
    no_test, no_train = "No test image shows stage 060, 069,", "No train image shows stage 069,"
    assert not [
        warning for warning in warned(table_of(rows)) if "image shows stage" in warning or "without training" in warning
    ]
    lacking = warned(
        table_of([row for row in rows if row[1:] not in {("test", "060"), ("test", "069"), ("val", "051")}])
    )
    assert [each for each in lacking if each.startswith(no_test)]
    assert not [each for each in lacking if "val image" in each or "without training" in each]
    lacking = warned(table_of([row for row in rows if row[1:] != ("train", "069")]))
    assert [each for each in lacking if each.startswith(no_train)]
    assert [each for each in lacking if "without training images" in each]


def test_single_images_per_embryo_are_a_warning_unless_a_table_names_embryos():
    pairs = [(f"e{number}", "train", stage) for number in range(2) for stage in THREE.names]
    alone = [(f"a{number}", split, "051") for number, split in enumerate(["train", "val", "test"])]
    assert any("60 %" in each and "single image" in each for each in warned(table_of(pairs + alone)))
    for rows, labels in ((pairs + alone, ["labels.csv"]), (pairs + alone[:2], None)):
        assert not [each for each in warned(table_of(rows), config={"labels": labels}) if "single image" in each]


def test_predictions_get_pngs_only_in_the_order_of_the_manifest():
    test = pd.DataFrame({"source": ["a.tif", "b.tif"], "png": ["a.png", "b.png"]})
    predictions = pd.DataFrame({"source": ["a.tif", "b.tif"]})
    assert report_page._with_pngs(predictions, test)["png"].tolist() == ["a.png", "b.png"]
    assert report_page._with_pngs(predictions[::-1], test)["png"].tolist() == ["", ""]


def test_facts_of_preparing_are_lowest_median_and_highest():
    used = pd.DataFrame({"dtype": ["uint8", "uint16", "uint16"], "width": "90", "height": ["40", "40", "50"], "channels": "1",
                         "clipped": ["0.5", "0.0", "0.1"]})  # fmt: skip
    for place, name in enumerate(("minimum", "maximum", "levels")):
        used[name], used[f"png_{name}"] = [f"{place}3", f"{place}1", f"{place}9"], ["7", "5", "6"]
    facts = report_page._preparation(used)
    assert facts["before"] == {"minimum": (1, 3, 9), "maximum": (11, 13, 19), "levels": (21, 23, 29)}
    assert facts["after"]["levels"] == (5, 6, 7) and facts["clipped"] == (0, 0.1, 0.5)
    assert facts["dtypes"] == [("uint16", 2), ("uint8", 1)] and facts["sizes"] == [("90 x 40", 2), ("90 x 50", 1)]


RUNNING_INTO = """(() => {
  const bad = [];
  document.querySelectorAll("figure svg").forEach(svg => {
    const whole = svg.getBoundingClientRect(), name = svg.closest("figure").id;
    const boxes = [...svg.querySelectorAll("text")].map(each => [each.textContent, each.getBoundingClientRect()]);
    boxes.forEach(([text, a], at) => {
      if (a.left < whole.left - 1 || a.right > whole.right + 1 || a.top < whole.top - 1 || a.bottom > whole.bottom + 1)
        bad.push([name, text, "sticks out"]);
      boxes.slice(at + 1).forEach(([other, b]) => {
        const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
        if (wide > 1 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 3) bad.push([name, text, other]);
      });
    });
  });
  return bad;
})()"""
SORTED = """[...document.querySelectorAll("table.sortable")].map(table => {
  const name = [...table.tHead.rows[table.tHead.rows.length - 1].cells].findLast(each => each.querySelector("button"));
  const values = () => [...table.tBodies[0].rows].map(row => {
    const cell = row.cells[name.cellIndex], number = cell.querySelector("data");
    return number ? Number(number.value) : cell.textContent.trim() });
  const rows = table.tBodies[0].rows.length;
  name.querySelector("button").click(); const up = values(), order = name.getAttribute("aria-sort");
  name.querySelector("button").click(); const down = values();
  return [order, up, down, rows === table.tBodies[0].rows.length] })"""


@pytest.mark.skipif(not browser.CHROMIUM, reason="Chromium is not installed")
def test_a_browser_shows_the_page_without_faults(run):
    with browser.browser() as page:
        for width in WIDTHS:
            page.open(run[1] / "report.html", width)
            assert page.value("document.documentElement.scrollWidth") <= width
            assert page.value(RUNNING_INTO) == []
        assert page.value("getComputedStyle(document.querySelector('nav')).position") == "static"
        page.open(run[1] / "report.html", WIDTHS[0])
        tables = page.value(SORTED)
        assert len(tables) > 8
        for order, up, down, whole in tables:
            assert order == "ascending" and whole and sorted(up, key=str) == sorted(down, key=str)
            numbers = [value for value in up if not isinstance(value, str)]
            assert numbers == sorted(numbers)
            assert [value for value in down if not isinstance(value, str)] == sorted(numbers, reverse=True)
        page.value("document.getElementById('training').scrollIntoView()")
        page.value("new Promise(done => setTimeout(done, 300))")
        assert page.value("document.querySelector('nav a.here').textContent") == "Tuning and training"
        top = page.value("document.querySelector('nav').getBoundingClientRect().top")
        assert 0 <= top < 50, "the contents scroll out of view"
        assert page.value(
            "[...document.querySelectorAll('nav a')].every(each => document.querySelector(each.getAttribute('href')))"
        )
        printed = page.printed()
        assert printed.startswith(b"%PDF") and len(re.findall(rb"/Type\s*/Page\b", printed)) > 3
        page.ask("Emulation.setEmulatedMedia", media="print")
        assert page.value("getComputedStyle(document.querySelector('nav')).display") == "none"
        assert page.value(
            "[...document.querySelectorAll('.scroll')].every(each => getComputedStyle(each).overflowY === 'visible')"
        )
        assert page.faults == []
        assert [url for url in page.requests if not url.startswith(("file:", "data:"))] == []
