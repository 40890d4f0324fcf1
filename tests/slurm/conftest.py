"""A cluster for all tests, and the small workflow run on it to its report; started for `make test-slurm` and ended with it."""

import os
import shutil

import pytest

from cluster import Cluster, NoSlurmError, install
from slurm_project import ON_GPUS, SlurmProject
from small_project import Project, write_raw

Project.preloaded = True  # Snakemake and what it runs on this machine; the jobs are Slurm's
# Where the pretend GPUs are, as a user would write it into the profile.
CLUSTER = ["gpu_partition=gpu", "gpu_type=pretend", "mem_mb=4000*attempt", "runtime=60*attempt"]


@pytest.fixture(scope="session")
def cluster():
    """A running cluster, or the reason why there is none."""
    cluster = None
    try:
        install()
        cluster = Cluster()
        cluster.start()
    except NoSlurmError as error:
        pytest.skip(f"Slurm cannot be run here, so NOTHING about clusters is tested: {error}")
    else:
        yield cluster
    finally:
        if cluster:
            cluster.stop()


@pytest.fixture(scope="session")
def finished(cluster, tmp_path_factory):
    """The small project, run on the cluster to its report. Look, but change nothing."""
    project = SlurmProject(tmp_path_factory.mktemp("finished"), cluster=cluster)
    write_raw(project.raw)
    project.process = project.snakemake("--default-resources", *CLUSTER, over=ON_GPUS)
    assert project.process.returncode == 0, project.process.out
    return project


@pytest.fixture(scope="session")
def locally(finished, tmp_path_factory):
    """The same project, run on this machine alone. Look, but change nothing."""
    project = Project(tmp_path_factory.mktemp("locally"))
    shutil.copytree(finished.raw, project.raw)
    process = project.snakemake(over=ON_GPUS)
    assert process.returncode == 0, process.out
    return project


@pytest.fixture(scope="module")
def copy_of_finished(finished, tmp_path_factory):
    """The finished project with Snakemake's records, to be changed at will."""
    folder = tmp_path_factory.mktemp("copy") / "project"
    shutil.copytree(finished.folder, folder, symlinks=True)
    os.truncate(folder / "seen.jsonl", 0)
    return SlurmProject(folder, cluster=finished.cluster)


@pytest.fixture
def copy_of_locally(locally, tmp_path):
    """The project that was run on this machine alone, to be changed at will."""
    shutil.copytree(locally.folder, tmp_path / "copy", symlinks=True)
    return Project(tmp_path / "copy")
