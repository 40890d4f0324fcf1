"""Dates in the future, dates from other clocks and results without a record of Snakemake are handled."""

import base64
import os
import time

import pytest

from flystage.run import dates
from flystage.run.dates import date_back, is_outdated, wait_for_clock, without_record


def dated(path, seconds):
    """Make a file whose date is `seconds` ahead of now and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    os.utime(path, (time.time() + seconds,) * 2)
    return path


def test_results_without_a_record_of_snakemake_are_found(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert not without_record("results/catalog.csv")  # there is no such result
    dated(tmp_path / "results/catalog.csv", 0)
    assert without_record("results/catalog.csv")
    dated(tmp_path / ".snakemake/metadata" / base64.urlsafe_b64encode(b"results/catalog.csv").decode(), 0)
    assert not without_record("results/catalog.csv")


def test_a_result_with_a_long_name_counts_as_recorded(tmp_path):
    assert not without_record(str(dated(tmp_path / ("a" * 100) / ("b" * 100), 0)))


def test_a_result_is_outdated_if_a_source_is_newer_but_not_in_the_future(tmp_path):
    output = dated(tmp_path / "table.csv", -100)
    older, younger, future = (dated(tmp_path / f"{age}.tif", age) for age in (-200, -50, 5000))
    assert is_outdated(output, [older, younger])
    assert not is_outdated(output, [older, future, tmp_path / "gone.tif", output])
    assert not is_outdated(tmp_path / "missing.csv", [younger])


def test_only_dates_in_the_future_are_set_to_now(tmp_path):
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
    assert ("seconds behind" in caplog.text) == (ahead > 60)


def test_a_job_without_inputs_does_not_wait(monkeypatch):
    slept = []
    monkeypatch.setattr(dates.time, "sleep", slept.append)
    wait_for_clock([])
    assert slept == []


def test_a_folder_that_a_rule_made_has_the_date_of_its_time_stamp(tmp_path, monkeypatch):
    slept = []
    monkeypatch.setattr(dates.time, "sleep", lambda seconds: slept.append(round(seconds)))
    dated(tmp_path / "images/.snakemake_timestamp", 7)
    wait_for_clock([tmp_path / "images"])
    assert slept == [7]
