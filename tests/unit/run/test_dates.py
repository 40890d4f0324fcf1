"""Dates of files in the future, of other clocks, and of results of which Snakemake has no record."""

import base64
import os
import time

import pytest

from flystage.run import dates
from flystage.run.dates import date_back, is_outdated, wait_for_clock, without_record


def dated(path, seconds):
    """A file whose date lies so many seconds ahead of now."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    os.utime(path, (time.time() + seconds,) * 2)
    return path


def test_a_result_is_without_record_when_snakemake_has_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert not without_record("results/catalog.csv")  # there is no such result
    dated(tmp_path / "results/catalog.csv", 0)
    assert without_record("results/catalog.csv")
    dated(tmp_path / ".snakemake/metadata" / base64.urlsafe_b64encode(b"results/catalog.csv").decode(), 0)
    assert not without_record("results/catalog.csv")


def test_a_result_with_a_name_too_long_for_one_record_is_not_said_to_be_without(tmp_path):
    assert not without_record(str(dated(tmp_path / ("a" * 100) / ("b" * 100), 0)))


def test_a_result_is_outdated_when_a_source_is_younger_and_not_of_the_future(tmp_path):
    output = dated(tmp_path / "table.csv", -100)
    older, younger, future = (dated(tmp_path / f"{age}.tif", age) for age in (-200, -50, 5000))
    assert is_outdated(output, [older, younger])
    assert not is_outdated(output, [older, future, tmp_path / "gone.tif", output])
    assert not is_outdated(tmp_path / "missing.csv", [younger])


def test_results_of_the_future_get_the_date_of_now_and_others_keep_theirs(tmp_path):
    future, past = dated(tmp_path / "model/checkpoint.pt", 9000), dated(tmp_path / "catalog.csv", -9000)
    stamp, png = dated(tmp_path / "images/a/.snakemake_timestamp", 9000), dated(tmp_path / "images/a/x.png", 9000)
    before = past.stat().st_mtime_ns, png.stat().st_mtime_ns
    date_back(tmp_path)
    for path in (future, stamp):
        assert abs(path.stat().st_mtime - time.time()) < 60
    assert (past.stat().st_mtime_ns, png.stat().st_mtime_ns) == before


@pytest.mark.parametrize(
    ("ahead", "waits"), [(5, [5]), (-5, []), (59, [59]), (61, [])], ids=["seconds", "behind", "almost", "a minute"]
)
def test_a_job_waits_until_its_clock_has_passed_its_inputs(tmp_path, monkeypatch, caplog, ahead, waits):
    slept = []
    monkeypatch.setattr(dates.time, "sleep", lambda seconds: slept.append(round(seconds)))
    wait_for_clock([dated(tmp_path / "a.csv", -50), dated(tmp_path / "b.csv", ahead), tmp_path / "gone.csv"])
    assert slept == waits
    assert ("behind that of its inputs" in caplog.text) == (ahead > 60)


def test_a_job_without_inputs_does_not_wait():
    wait_for_clock([])


def test_the_date_of_a_folder_that_a_rule_made_is_that_of_its_time_stamp(tmp_path, monkeypatch):
    slept = []
    monkeypatch.setattr(dates.time, "sleep", lambda seconds: slept.append(round(seconds)))
    dated(tmp_path / "images/.snakemake_timestamp", 7)
    wait_for_clock([tmp_path / "images"])
    assert slept == [7]
