"""Writing to an output whose reader has gone never raises, and ends the run once."""

import io
import logging
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import flystage
from flystage.run.output import unbroken
from flystage.run.terminal import Terminal

LIBRARY = Path(flystage.__file__).parents[1]


def broken_pipe():
    """Return a text stream to a pipe that nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    return os.fdopen(writing, "w")


class Failing(io.StringIO):
    def __init__(self, error):
        super().__init__()
        self.error = error

    def write(self, text):
        raise self.error


def record(message, **extra):
    made = logging.LogRecord("snakemake.logging", logging.INFO, "", 0, message, (), None)
    made.__dict__.update(extra)
    return made


class Raising(logging.StreamHandler):
    """Like Snakemake's handler, which raises the errors of its stream."""

    def emit(self, record):
        self.stream.write(self.format(record) + "\n")
        self.flush()


@pytest.mark.parametrize("kind", [Raising, lambda stream: Terminal(stream, None, str, list)], ids=["Snakemake", "ours"])
def test_a_gone_reader_stops_the_run_once_and_no_message_raises(kind):
    stops = []
    with broken_pipe() as pipe:
        handler = unbroken(kind(pipe), lambda: stops.append(True))
        for _ in range(3):
            handler.handle(record("a line"))
    assert stops == [True]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), ValueError("I/O operation on closed file")])
def test_a_full_disk_or_a_closed_file_does_not_end_the_run(error):
    stops = []
    unbroken(Raising(Failing(error)), lambda: stops.append(True)).handle(record("a line"))
    assert stops == []


def test_a_stream_keeps_its_text_and_its_other_methods():
    handler = unbroken(Raising(io.StringIO()), None)
    handler.handle(record("a line"))
    assert handler.stream.getvalue() == "a line\n" and not handler.stream.isatty()


def test_a_record_that_cannot_be_put_into_words_does_not_raise(monkeypatch):
    monkeypatch.setattr(logging, "raiseExceptions", False)
    terminal = unbroken(Terminal(io.StringIO(), None, str, list), None)
    terminal.handle(record(None, event="run_info"))  # without the counts that such a record has


def python(code, **options):
    return subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], env={"PYTHONPATH": str(LIBRARY)}, **options)


def test_stopping_ends_the_process_and_all_that_it_started_from_any_thread():
    process = python(
        """
        import signal, subprocess, sys, threading
        from flystage.run.output import stop_as_ctrl_c_does
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a run in the background of a script ignores it
        job = subprocess.Popen([sys.executable, "-c", "print('begun', flush=True); input()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        job.stdout.readline()
        try:
            threading.Thread(target=stop_as_ctrl_c_does).start()
            threading.Semaphore(0).acquire()
        except KeyboardInterrupt:
            print("stopped", job.wait())
        """,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.communicate()[0].split() == ["stopped", str(-signal.SIGINT)]
