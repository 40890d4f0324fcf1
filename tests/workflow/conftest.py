"""Fixtures: one small run of the real Snakefile, shared by all tests that only read its results, and copies of it."""

import os
import shutil

import pytest
from filelock import FileLock

from small_project import Project, write_raw

Project.preloaded = True  # saves time, as the tests start Snakemake about a hundred times


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """Return a project with a complete run, made once for all test processes. Do not change it, use `copy_of_finished` instead."""
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
    """Return what the run of the finished project printed."""
    return finished.folder.with_name("finished.out").read_text(encoding="utf-8")


@pytest.fixture
def copy_of_finished(finished, tmp_path):
    """Return a copy of the finished project, with Snakemake's records and the time stamps, that a test may change."""
    shutil.copytree(finished.folder, tmp_path / "copy", symlinks=True)
    return Project(tmp_path / "copy")


@pytest.fixture
def project(tmp_path):
    """Return an empty project."""
    return Project(tmp_path)
