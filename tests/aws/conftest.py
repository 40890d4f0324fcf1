"""Fixtures: an emulator of SageMaker for each test, and one small local run to copy and to compare with."""

import os
import shutil
import urllib.request

import pytest
from filelock import FileLock

from cloud_project import FINETUNED, SMALL_TIMM, Cloud
from container import TOOLKIT
from emulator import Emulator
from small_project import Project, merged, write_raw

Project.preloaded = True  # submitted jobs still run in new processes


def once(tmp_path_factory, name, fill):
    """Return a project that `fill(project)` runs in only one of the test processes. Do not change it."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    project = Project(shared / name)
    with FileLock(shared / f"{name}.lock"):
        if not (shared / f"{name}.ok").exists():
            process = fill(project)
            assert process.returncode == 0, process.out
            (shared / f"{name}.ok").touch()
    return project


@pytest.fixture(scope="session")
def local(tmp_path_factory):
    """Return the small project after a complete run without SageMaker."""

    def fill(project):
        write_raw(project.raw)
        return project.snakemake(over=SMALL_TIMM)

    return once(tmp_path_factory, "local", fill)


@pytest.fixture(scope="session")
def finetuned(tmp_path_factory, local):
    """Return the same with a fine-tuned network of torchvision, up to the training."""

    def fill(project):
        shutil.copytree(local.folder, project.folder, symlinks=True)
        return project.snakemake("--until", "train", over=merged(SMALL_TIMM, FINETUNED))

    return once(tmp_path_factory, "finetuned", fill)


@pytest.fixture
def emulator(tmp_path):
    assert TOOLKIT.exists(), "run these tests with `make test-aws`, which installs the training toolkit"
    emulator = Emulator(tmp_path / "sagemaker")
    emulator.start()
    urllib.request.urlopen(urllib.request.Request(f"{emulator.url}/moto-api/reset", method="POST")).close()
    emulator.set_up()
    yield emulator
    emulator.close()


@pytest.fixture
def credentials(emulator):
    """Return the variables of a process that uses the emulator instead of AWS."""
    return {
        "AWS_ENDPOINT_URL": emulator.url, "AWS_ACCESS_KEY_ID": "caller", "AWS_SECRET_ACCESS_KEY": "not-to-be-seen",
        "AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }  # fmt: skip


@pytest.fixture
def cloud(local, emulator, credentials, tmp_path):
    shutil.copytree(local.folder, tmp_path / "project", symlinks=True)
    return Cloud(Project(tmp_path / "project"), emulator, credentials)


@pytest.fixture
def finetuned_cloud(finetuned, emulator, credentials, tmp_path):
    shutil.copytree(finetuned.folder, tmp_path / "project", symlinks=True)
    return Cloud(Project(tmp_path / "project"), emulator, credentials)


@pytest.fixture
def new_cloud(local, emulator, credentials, tmp_path):
    """Return a project with only the raw images of the local run."""
    shutil.copytree(local.raw, tmp_path / "project/raw")
    return Cloud(Project(tmp_path / "project"), emulator, credentials)
