"""One small run of the real Snakefile, shared by all tests that only look at its results."""

import os
import shutil

import pytest
from filelock import FileLock

from small_project import Project, write_raw

Project.preloaded = True  # about a hundred starts of Snakemake


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A project that was run to its report, once for all test processes. Look, but change nothing: see `copy_of_finished`."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    project = Project(shared / "finished")
    with FileLock(shared / "finished.lock"):
        if not (shared / "finished.ok").exists():
            write_raw(project.raw)
            process = project.snakemake(anew=True)
            assert process.returncode == 0, process.out
            (shared / "finished.out").write_text(process.out, encoding="utf-8")
            (shared / "finished.ok").touch()
    return project


@pytest.fixture
def said(finished):
    """What the run of the finished project said on the terminal."""
    return finished.folder.with_name("finished.out").read_text(encoding="utf-8")


@pytest.fixture
def copy_of_finished(finished, tmp_path):
    """The finished project with Snakemake's records, time stamps kept, to be changed at will."""
    shutil.copytree(finished.folder, tmp_path / "copy", symlinks=True)
    return Project(tmp_path / "copy")


@pytest.fixture
def project(tmp_path):
    """An empty project."""
    return Project(tmp_path)
