"""Two runs never work in the same results folder."""

import errno
import fcntl
import select
import subprocess
import sys

import pytest

from flystage.core.errors import FlystageError
from flystage.run import locks
from flystage.run.locks import hold

HOLDER = "import sys, time; from flystage.run.locks import hold; h = hold(sys.argv[1]); print('held', flush=True); time.sleep(60)"


def test_a_folder_is_locked_until_its_process_ends(tmp_path, pytestconfig):
    folder = tmp_path / "results"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, folder],
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": str(pytestconfig.rootpath / "workflow")},
    )
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(FlystageError, match=f"Another run .*{tmp_path}"):
        hold(folder)
    holder.kill()
    holder.wait()
    hold(folder)


def locks_of_nfs(file, kind):
    """Imitate NFS, where Linux turns flock into byte-range locks."""
    fcntl.lockf(file, kind)


OVER_NFS = "import fcntl, sys; fcntl.flock = fcntl.lockf; from flystage.run import locks; getattr(locks, sys.argv[1])(sys.argv[2])"


def test_jobs_and_runs_also_lock_over_nfs(tmp_path, monkeypatch, caplog, pytestconfig):
    monkeypatch.setattr(locks.fcntl, "flock", locks_of_nfs)
    monkeypatch.setenv(locks.RESULTS, str(tmp_path))

    def another(call):
        return subprocess.run(
            [sys.executable, "-c", OVER_NFS, call, tmp_path], capture_output=True, text=True,
            env={"PYTHONPATH": str(pytestconfig.rootpath / "workflow")},
        ).stderr  # fmt: skip

    assert another("hold") == another("refuse_orphans") == ""
    locks.hold(tmp_path)
    locks.refuse_orphans(tmp_path)
    locks.at_work()
    assert "Another run" in another("hold")
    assert "killed" in another("refuse_orphans")
    assert not caplog.messages


def test_a_file_system_without_locks_gives_one_warning(tmp_path, monkeypatch, caplog):
    def no_locks(file, kind):
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(locks.fcntl, "flock", no_locks)
    monkeypatch.setenv(locks.RESULTS, str(tmp_path))
    locks.hold(tmp_path)
    locks.refuse_orphans(tmp_path)
    locks.at_work()
    (message,) = caplog.messages
    assert str(tmp_path) in message and "has no locks" in message


WORKER = "import sys; from flystage.run.locks import at_work; at_work(); print('at work', flush=True); sys.stdin.read()"


@pytest.fixture
def worker(tmp_path, pytestconfig):
    """Return a function that starts a job in the folder, as a separate process, until it is killed."""
    started = []

    def start():
        process = subprocess.Popen(
            [sys.executable, "-c", WORKER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={"PYTHONPATH": str(pytestconfig.rootpath / "workflow"), locks.RESULTS: str(tmp_path)},
        )
        started.append(process)
        assert select.select([process.stdout], [], [], 60)[0], "a job waits for another"
        assert process.stdout.readline() == b"at work\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_a_job_of_a_killed_run_keeps_other_runs_out_until_it_ends(tmp_path, worker):
    locks.refuse_orphans(tmp_path)
    first, second = worker(), worker()  # jobs do not exclude each other
    for orphan in (first, second):
        with pytest.raises(FlystageError, match=f"killed .*{tmp_path}"):
            locks.refuse_orphans(tmp_path)
        orphan.kill()
        orphan.wait()
    locks.refuse_orphans(tmp_path)
    locks.refuse_orphans(tmp_path)  # a check does not lock


def test_a_process_outside_a_run_locks_nothing(tmp_path, monkeypatch):
    monkeypatch.delenv(locks.RESULTS, raising=False)
    locks.at_work()
    assert list(tmp_path.iterdir()) == []


def test_other_errors_of_the_file_system_are_raised(tmp_path, monkeypatch):
    def broken(file, kind):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(locks.fcntl, "flock", broken)
    with pytest.raises(OSError, match="Input/output error"):
        locks.hold(tmp_path)


def test_a_missing_folder_is_made_before_it_is_locked(tmp_path):
    locks.hold(tmp_path / "new" / "results")
    assert (tmp_path / "new" / "results" / ".running").exists()
