"""Tests that unusable and odd files end in a table with the reason, and do not stop a run."""

import hashlib
import html
import json
import os
import re
import shutil
import signal
import stat
import subprocess
from pathlib import Path

import cv2
import pandas as pd
import pytest
from filelock import FileLock

from bad_files import KINDS, OTHER_STAGE, STAGE, make_all
from review_files import data_of
from small_project import Project, write_raw

CONTROL = re.compile(r"[\x00-\x1f\x7f]")
CAN_CLOSE_FILES = os.geteuid() != 0 or shutil.which(
    "setpriv"
)  # root reads everything unless setpriv removes that right
TRAINING = {"stages": [STAGE, OTHER_STAGE], "max_bad": 1, "image": {"max_pixels": 1_000_000}}
PREDICTING = {"raw": ["none"], "predict": {"images": ["unlabelled"], "checkpoint": "mine.pt"}}


def as_listed(path):
    """Return a path as a table shows it, with control characters escaped."""
    text = os.fsencode(path).decode(errors="backslashreplace")
    return CONTROL.sub(lambda match: f"\\x{ord(match.group()):02x}", text)


def state(folder):
    """Return {path: [mode, time of change, checksum or target]} of everything below a folder. Links are not followed."""
    found = {}
    for place, folders, files in os.walk(folder):
        for path in (os.path.join(place, name) for name in folders + files):
            status = os.lstat(path)
            content = ""
            if stat.S_ISLNK(status.st_mode):
                content = os.readlink(path)
            elif stat.S_ISREG(status.st_mode) and os.access(path, os.R_OK):
                content = hashlib.sha256(Path(path).read_bytes()).hexdigest()
            found[os.path.relpath(path, folder)] = [status.st_mode, status.st_mtime_ns, content]
    return found


def run(project, *arguments, over):
    """Run the workflow without root's right to read all files. Return (exit status, output). Kill a run that hangs."""
    command = project.command(*arguments, over=over)
    if os.geteuid() == 0 and CAN_CLOSE_FILES:
        command = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", *command]
    process = subprocess.Popen(
        command,
        cwd=project.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        errors="replace",
        start_new_session=True,
    )
    try:
        out, _ = process.communicate(timeout=600)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out = f"{process.communicate()[0]}\nThe run did not end and was killed."
    return process.returncode, out


def once(tmp_path_factory, name, fill):
    """Return (project, record). One of the test processes calls `fill(project)`, which runs it and returns the record."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    project, record = Project(shared / name), shared / f"{name}.json"
    with FileLock(shared / f"{name}.lock"):
        if not record.exists():
            project.folder.mkdir()
            record.write_text(json.dumps(fill(project)))
    record = json.loads(record.read_text())
    assert record["status"] == 0, record["out"]
    return project, record


@pytest.fixture(scope="module")
def trained_on(tmp_path_factory):
    """Return a run up to the manifests on files of all kinds and of four good embryos."""

    def fill(project):
        write_raw(project.raw, embryos=4, minutes=(int(STAGE), int(OTHER_STAGE)), droppings=False)
        paths = make_all(project.raw)
        before = state(project.raw)
        status, out = run(project, "--until", "dataset", over=TRAINING)
        paths = {kind: str(path.relative_to(project.folder)) for kind, path in paths.items()}
        return {"status": status, "out": out, "paths": paths, "before": before}

    return once(tmp_path_factory, "trained_on_bad_files", fill)


@pytest.fixture(scope="module")
def predicted(tmp_path_factory, finished):
    """Return a prediction for the same files as unlabelled images, with the checkpoint of the finished run."""

    def fill(project):
        shutil.copy(finished.results / "model/checkpoint.pt", project.folder / "mine.pt")
        paths = make_all(project.folder / "unlabelled")
        before = state(project.folder / "unlabelled")
        status, out = run(project, "predict", over=PREDICTING)
        paths = {kind: str(path.relative_to(project.folder)) for kind, path in paths.items()}
        return {"status": status, "out": out, "paths": paths, "before": before}

    return once(tmp_path_factory, "predicted_bad_files", fill)


def read(path):
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def tifs_below(project, folder):
    """Return every TIF as tables must list it. Links, pipes and unreadable files are TIFs by their names, folders are not."""
    return sorted(
        as_listed(os.path.relpath(os.path.join(place, name), project.folder))
        for place, _, files in os.walk(project.folder / folder)
        for name in files
        if name.lower().endswith((".tif", ".tiff"))
    )


def skip_what_root_cannot(kind):
    if kind == "no read permission" and not CAN_CLOSE_FILES:
        pytest.skip("root may read everything, and setpriv is not installed to change that")


@pytest.mark.parametrize("kind", KINDS)
def test_the_catalog_gives_status_and_reason_for_every_kind_of_file(trained_on, kind):
    skip_what_root_cannot(kind)
    project, record = trained_on
    catalog = read(project.results / "catalog.csv").set_index("path")
    row = catalog.loc[as_listed(record["paths"][kind])]
    assert (row["status"], row["split"] != "") == (KINDS[kind].status, row["sha256"] != "")
    if KINDS[kind].status == "used":
        assert row["reason"] == "" and row["width"] == "64" and row["height"] == "48"
    else:
        assert KINDS[kind].reason in row["reason"]
        assert not CONTROL.search(row["reason"]) and len(row["reason"]) < 250


def test_the_catalog_lists_every_tif_once_and_no_other_file(trained_on):
    project, _ = trained_on
    assert sorted(read(project.results / "catalog.csv")["path"]) == tifs_below(project, "raw")


def test_manifests_list_only_used_files_whose_pngs_open(trained_on):
    project, _ = trained_on
    catalog = read(project.results / "catalog.csv")
    manifests = pd.concat(read(project.results / f"manifests/{split}.csv") for split in ("train", "val", "test"))
    assert set(manifests["source"]) == set(catalog.loc[catalog["status"] == "used", "path"])
    assert manifests["png"].is_unique
    for png in manifests["png"]:
        picture = cv2.imread(str(project.folder / png), cv2.IMREAD_UNCHANGED)
        assert picture.shape == (64, 64) and picture.max() > picture.min()


def test_the_raw_folder_stays_unchanged_and_only_expected_files_appear(trained_on):
    project, record = trained_on
    assert state(project.raw) == record["before"]
    names = {path.name for path in project.folder.iterdir() if not path.name.startswith("over-")}
    assert names == {"raw", "elsewhere.tif", "raw.split.csv", "results", ".snakemake"}


def test_tables_have_one_row_per_line_and_no_control_characters(trained_on):
    project, _ = trained_on
    tables = [path for path in project.results.rglob("*.csv") if "split" not in path.parts]
    assert len(tables) > 6
    for path in tables:
        text = path.read_text(encoding="utf-8")
        assert not CONTROL.search(text.replace("\n", ""))
        assert text.count("\n") == len(read(path)) + 1


def test_decompression_bombs_do_not_fill_the_memory(trained_on):
    """The bucket with all bad files needs little more memory than others. Snakemake's benchmark would miss a peak."""
    project, _ = trained_on
    logs = [path.read_text() for path in (project.results / "logs/prepare").glob("*.log")]
    peaks = [int(re.search(r"peak memory (\d+) MiB", log).group(1)) for log in logs]
    assert len(peaks) >= 3
    assert max(peaks) - min(peaks) < 100


def test_a_second_run_has_nothing_to_do_despite_odd_names(trained_on):
    project, _ = trained_on
    status, out = run(project, "--until", "dataset", "--dry-run", over=TRAINING)
    assert status == 0 and not re.search(r"^(prepare|dataset) +\d", out, re.MULTILINE), out


@pytest.mark.parametrize("kind", KINDS)
def test_predict_classifies_or_rejects_every_kind_of_file(predicted, kind):
    skip_what_root_cannot(kind)
    project, record = predicted
    table = read(project.results / "predict/predictions.csv").set_index("image")
    row = table.loc[as_listed(record["paths"][kind])]
    assert row["status"] == (KINDS[kind].unlabelled or KINDS[kind].status)
    if row["status"] == "used":
        assert row["reason"] == "" and row["stage_1"] and float(row["p_1"]) > 0 and row["expected_time"]
    else:
        # the white level is the one setting of images that a prediction has itself
        assert KINDS[kind].reason.replace("image.white", "predict.white") in row["reason"] and not row["stage_1"]


def test_predict_lists_every_tif_once_in_readable_tables(predicted):
    project, record = predicted
    path = project.results / "predict/predictions.csv"
    text, table = path.read_text(encoding="utf-8"), read(path)
    assert sorted(table["image"]) == tifs_below(project, "unlabelled")
    assert not CONTROL.search(text.replace("\n", "")) and text.count("\n") == len(table) + 1

    page = (project.results / "predict/predictions.html").read_text(encoding="utf-8")
    assert not CONTROL.search(page.replace("\n", ""))
    shown = data_of(project.results / "predict/predictions.html")["rows"]
    assert sorted(row["image"] for row in shown) == sorted(table.loc[table["status"] == "used", "image"])
    assert all(row["picture"].startswith("data:image/jpeg;base64,") for row in shown)
    for image in table.loc[table["status"] == "rejected", "image"]:
        assert html.escape(os.path.basename(image), quote=False).replace('"', "&#34;").replace("'", "&#39;") in page
    assert "<b>" not in page
    assert state(project.folder / "unlabelled") == record["before"]
