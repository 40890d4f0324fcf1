"""A rule prints users' errors as one line, other errors with a traceback in the log, and logs everything."""

import logging
import os
import re
import time

import pytest

from flystage.core.errors import FlystageError
from flystage.run import dates
from flystage.run.rule_log import AT_THE_END, rule_log


@pytest.fixture(autouse=True)
def untouched_logger():
    log = logging.getLogger("flystage")
    handlers, level = log.handlers, log.level
    yield
    log.handlers, log.level = handlers, level


def test_a_users_error_is_one_line_and_exit_code_1(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended, rule_log(tmp_path / "logs" / "rule.log"):
        raise FlystageError("There is no image; add one.")
    assert ended.value.code == 1
    assert capsys.readouterr().err == "There is no image; add one.\n"
    written = (tmp_path / "logs" / "rule.log").read_text(encoding="utf-8")
    assert written.endswith("ERROR There is no image; add one.\n") and "Traceback" not in written


def test_an_internal_error_is_one_line_with_a_traceback_in_the_log(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended, rule_log(tmp_path / "rule.log"):
        {}["missing key"]
    assert ended.value.code == 1
    (sentence,) = capsys.readouterr().err.splitlines()
    assert all(
        fact in sentence for fact in ("flystage", "KeyError: 'missing key'", "report", str(tmp_path / "rule.log"))
    )
    written = (tmp_path / "rule.log").read_text(encoding="utf-8")
    assert sentence in written and "Traceback" in written


def test_logs_hide_credentials_in_messages_of_libraries(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "correct-horse")
    url = "https://jane:battery@b.s3.amazonaws.com/m?X-Amz-Signature=staple"
    with pytest.raises(SystemExit), rule_log(tmp_path / "rule.log") as log:
        log.warning("fetching %s as correct-horse", url)
        raise OSError(f"403 for {url}, token correct-horse")
    written = (tmp_path / "rule.log").read_text(encoding="utf-8")
    assert "Traceback" in written and written.count("b.s3.amazonaws.com/m") > 2
    for text in (written, capsys.readouterr().err):
        assert not any(secret in text for secret in ("jane", "battery", "staple", "horse")) and "[hidden]" in text


def test_the_log_has_all_messages_and_the_terminal_warnings_only(tmp_path, capsys):
    with rule_log(tmp_path / "rule.log") as log:
        log.info("12 PNGs")
        log.warning("random weights")
        logging.getLogger("flystage").info("from a module")
    assert capsys.readouterr().err == "random weights\n"
    lines = (tmp_path / "rule.log").read_text(encoding="utf-8").splitlines()
    *said, memory = [line.split(" ", 2)[2] for line in lines]
    assert said == ["INFO 12 PNGs", "WARNING random weights", "INFO from a module"]
    assert re.fullmatch(r"INFO peak memory [1-9]\d+ MiB", memory)


def test_a_warning_for_the_end_of_the_run_is_not_shown_twice(tmp_path, capsys):
    with rule_log(tmp_path / "rule.log") as log:
        log.warning("two embryos", extra={AT_THE_END: True})
    assert capsys.readouterr().err == ""
    assert "WARNING two embryos" in (tmp_path / "rule.log").read_text(encoding="utf-8")


def test_a_second_run_overwrites_the_log(tmp_path):
    for word in ("first", "second"):
        with rule_log(tmp_path / "rule.log") as log:
            log.info(word)
    written = (tmp_path / "rule.log").read_text(encoding="utf-8")
    assert "second" in written and "first" not in written


def test_an_interrupt_is_passed_on(tmp_path):
    with pytest.raises(KeyboardInterrupt), rule_log(tmp_path / "rule.log"):
        raise KeyboardInterrupt


def test_a_rule_waits_until_the_clock_has_passed_its_inputs(tmp_path, monkeypatch):
    slept = []
    monkeypatch.setattr(dates.time, "sleep", slept.append)
    (tmp_path / "in.csv").touch()
    with rule_log(tmp_path / "rule.log", [tmp_path / "in.csv"]):
        os.utime(tmp_path / "in.csv", (time.time() + 3,) * 2)
        assert slept == []
    assert len(slept) == 1 and 2 < slept[0] <= 3
