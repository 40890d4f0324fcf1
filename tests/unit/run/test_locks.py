"""Two runs never work on one results folder."""

import errno
import fcntl
import subprocess
import sys

import pytest

from flystage.core.errors import FlystageError
from flystage.run import locks
from flystage.run.locks import hold

HOLDER = "import sys, time; from flystage.run.locks import hold; h = hold(sys.argv[1]); print('held', flush=True); time.sleep(60)"


def test_a_folder_is_held_until_its_process_ends_however_it_ends(tmp_path, pytestconfig):
    folder = tmp_path / "results"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, folder],
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": str(pytestconfig.rootpath / "workflow")},
    )
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(FlystageError, match="Another run is working on"):
        hold(folder)
    holder.kill()
    holder.wait()
    hold(folder)


def locks_of_nfs(file, kind):
    """Linux makes byte-range locks of flock on NFS."""
    fcntl.lockf(file, kind)


def test_jobs_and_runs_lock_over_nfs_too(tmp_path, monkeypatch):
    monkeypatch.setattr(locks.fcntl, "flock", locks_of_nfs)
    monkeypatch.setenv(locks.RESULTS, str(tmp_path))
    locks.hold(tmp_path)
    locks.refuse_orphans(tmp_path)
    locks.at_work()


def test_a_file_system_without_locks_is_told_of_once(tmp_path, monkeypatch, caplog):
    def no_locks(file, kind):
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(locks.fcntl, "flock", no_locks)
    monkeypatch.setenv(locks.RESULTS, str(tmp_path))
    locks.hold(tmp_path)
    locks.refuse_orphans(tmp_path)
    locks.at_work()
    (message,) = caplog.messages
    assert "keeps no locks: see to it yourself that no two runs work there" in message
