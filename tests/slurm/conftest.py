"""Fixtures for `make test-slurm`: one cluster for all tests, and the small workflow run on it."""

import os
import shutil

import pytest

from cluster import Cluster, NoSlurmError, install
from slurm_project import ON_GPUS, SlurmProject
from small_project import Project, write_raw

Project.preloaded = True  # for Snakemake and its local jobs, but not for jobs in Slurm
# The resources of the cluster, as a user would write them into the profile.
CLUSTER = ["gpu_partition=gpu", "gpu_type=pretend", "mem_mb=4000*attempt", "runtime=60*attempt"]


@pytest.fixture(scope="session")
def cluster():
    """Yield a running cluster. Skip the test with a reason if Slurm cannot run here."""
    cluster = None
    try:
        install()
        cluster = Cluster()
        cluster.start()
    except NoSlurmError as error:
        pytest.skip(f"Slurm cannot run here, so NOTHING about clusters is tested: {error}")
    else:
        yield cluster
    finally:
        if cluster:
            cluster.stop()


@pytest.fixture(scope="session")
def finished(cluster, tmp_path_factory):
    """Return the small project after a complete run on the cluster. Do not change it."""
    project = SlurmProject(tmp_path_factory.mktemp("finished"), cluster=cluster)
    write_raw(project.raw)
    project.process = project.snakemake("--default-resources", *CLUSTER, over=ON_GPUS)
    assert project.process.returncode == 0, project.process.out
    return project


@pytest.fixture(scope="session")
def locally(finished, tmp_path_factory):
    """Return the same project after a run without the cluster. Do not change it."""
    project = Project(tmp_path_factory.mktemp("locally"))
    shutil.copytree(finished.raw, project.raw)
    process = project.snakemake(over=ON_GPUS)
    assert process.returncode == 0, process.out
    return project


@pytest.fixture(scope="module")
def copy_of_finished(finished, tmp_path_factory):
    """Return a copy of the finished project, with Snakemake's records, that tests may change."""
    folder = tmp_path_factory.mktemp("copy") / "project"
    shutil.copytree(finished.folder, folder, symlinks=True)
    os.truncate(folder / "seen.jsonl", 0)
    return SlurmProject(folder, cluster=finished.cluster)


@pytest.fixture
def copy_of_locally(locally, tmp_path):
    """Return a copy of the project that ran without the cluster, which a test may change."""
    shutil.copytree(locally.folder, tmp_path / "copy", symlinks=True)
    return Project(tmp_path / "copy")
