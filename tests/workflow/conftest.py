"""One small run of the real Snakefile, shared by all tests that only look at its results."""

import shutil

import pytest

from small_project import Project, write_raw


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A project that was run to its report. Look, but change nothing: copy it with `copy_of` first."""
    project = Project(tmp_path_factory.mktemp("finished"))
    write_raw(project.raw)
    process = project.snakemake()
    assert process.returncode == 0, process.out
    project.out = process.out
    return project


@pytest.fixture
def copy_of_finished(finished, tmp_path):
    """The finished project with Snakemake's records, time stamps kept, to be changed at will."""
    shutil.copytree(finished.folder, tmp_path / "copy", symlinks=True)
    return Project(tmp_path / "copy")


@pytest.fixture
def project(tmp_path):
    """An empty project."""
    return Project(tmp_path)
