"""Tests that failing jobs, full or read-only disks and vanishing images stop a run with a message, and a rerun is correct."""

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest

from flystage.network.checkpoint import load_checkpoint
from flystage.network.vector_cache import VectorCache
from flystage.prediction.unlabelled import prepare_unlabelled
from small_project import DATA_SET, SMALL, Project, wait_until

UP_TO_DATA_SET = ["--until", "dataset"]
# Python imports a module of this name at its start. It runs the code in $BEFORE and $AFTER around the jobs of $RULES.
SITECUSTOMIZE = """
import os
from contextlib import contextmanager
from pathlib import Path

try:
    from flystage.run import rule_log as module
except ImportError:  # this process does not run a rule
    pass
else:
    rule_log = module.rule_log

    @contextmanager
    def meddled(path, inputs=()):
        meant = Path(path).parts[2].removesuffix(".log") in os.environ["RULES"].split()
        with rule_log(path, inputs) as log:
            exec(os.environ["BEFORE"] if meant else "")
            yield log
            exec(os.environ["AFTER"] if meant else "")

    module.rule_log = meddled
"""


@pytest.fixture
def meddling(tmp_path):
    """Return a function that gives an environment in which jobs of some rules run extra code before or after their work."""
    folder = tmp_path / "meddling"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(SITECUSTOMIZE)
    return lambda *rules, before="", after="": {
        "PYTHONPATH": str(folder),
        "RULES": " ".join(rules),
        "BEFORE": before,
        "AFTER": after,
    }


# Every rule with one of its outputs, in the order of the data. Rules in one line do not depend on each other.
RULES = [
    {"prepare": "images/train-00.csv", "weights": "model/backbone.pt"},
    {"dataset": "catalog.csv"},
    {"dataset_figures": "figures/sample_before_after.png", "features": "features/train.npy"},
    {"tune": "tuning/trial_1.json"},
    {"best": "tuning/best.json"},
    {"train": "model/trained.pt"},
    {"training_figures": "figures/tuning.png", "evaluate": "evaluation/predictions.csv"},
    {"crossval": "evaluation/crossval.json"},
    {"checkpoint": "model/checkpoint.pt", "metrics": "evaluation/metrics.json", "history": "history.csv"},
    {"report": "report.html"},
]
SAME_IN_OTHER_BUCKETS = [
    f"results/{name}" for name in ("catalog", "stages", "features", "tuning", "model", "evaluation", "figures")
]


@pytest.mark.soak
def test_no_old_result_survives_when_every_rule_fails_once(finished, copy_of_finished, meddling):
    """A job that fails after its work leaves complete records, and later rules still have results of an earlier run."""
    project = copy_of_finished
    shutil.copy(project.results / "model/backbone.pt", project.folder / "same.pt")
    # With these settings every rule runs again and gives the same results, except for the names of the buckets.
    over = {"buckets": 3, "model": {"weights": "same.pt"}}
    # Overwrite all old results, so that a surviving one differs from a new one. A bucket may keep its name, so keep images.
    kept = project.results / "images"
    for path in project.results.rglob("*"):
        if path.is_file() and not path.is_symlink() and kept not in path.parents:
            times = path.stat()
            path.write_bytes(b"an old result")
            os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    sentence = "The test makes this rule fail."
    failure = f"from flystage.core.errors import FlystageError; raise FlystageError({sentence!r})"
    for failing in RULES:
        process = project.snakemake("--keep-going", over=over, env=meddling(*failing, after=failure))
        assert process.returncode != 0
        for rule, output in failing.items():
            assert re.search(rf"^{rule} +\d+$", project.log, flags=re.MULTILINE), f"{rule} did not run\n{process.out}"
            assert re.search(rf"\brule {rule}\b.* results/logs/{rule}", process.out)
            assert not (project.results / output).exists()
        assert sentence in process.out and "Traceback" not in process.out
    process = project.snakemake(over=over)
    assert process.returncode == 0, process.out
    assert project.differing(finished, *SAME_IN_OTHER_BUCKETS) == []
    assert "Nothing to be done" in project.snakemake("--dry-run", over=over).out


class Disks:
    """A mount namespace in which a test may mount disks. It ends with the test."""

    def __init__(self):
        root = os.geteuid() == 0
        try:
            self.process = subprocess.Popen(
                ["unshare", "--mount", *([] if root else ["--map-root-user"]), "sh", "-c", "echo ready; exec cat"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        except FileNotFoundError:
            pytest.skip("mounting in a test needs unshare (Linux)")
        if self.process.stdout.readline() != b"ready\n":
            pytest.skip("this machine does not allow mounting in a test")
        self.inside = ["nsenter", f"--target={self.process.pid}", "--mount"]
        self.inside += [] if root else ["--user", "--preserve-credentials"]

    def mount(self, *arguments):
        subprocess.run([*self.inside, "mount", *arguments], check=True)

    def project(self, project):
        """Return the same project, whose runs see these disks."""
        return Project(project.folder, disks_of=self.process.pid)

    def seen(self, project):
        """Return the same project with the path by which processes outside reach these disks."""
        return Project(Path(f"/proc/{self.process.pid}/root{project.folder}"))


@pytest.fixture
def disks():
    disks = Disks()
    yield disks
    disks.process.stdin.close()
    disks.process.wait()


def told_of_a_full_disk(process, rule):
    assert process.returncode != 0
    assert re.search(rf"\brule {rule}\b.* results/logs/{rule}", process.out)
    assert re.search(r"No space left on device\b.*\brun\b.* again", process.out)
    assert "Traceback" not in process.out and "nternal error" not in process.out, process.out


def test_a_full_disk_stops_preparing_and_a_rerun_completes(finished, project, disks):
    shutil.copytree(finished.raw, project.raw)
    project.results.mkdir()
    disks.mount("-t", "tmpfs", "-o", "size=80k", "none", project.results)
    told_of_a_full_disk(disks.project(project).snakemake(*UP_TO_DATA_SET), "prepare")
    assert not (project.folder / "raw.split.csv").exists()
    disks.mount("-o", "remount,size=10m", project.results)
    process = disks.project(project).snakemake(*UP_TO_DATA_SET)
    assert process.returncode == 0, process.out
    assert disks.seen(project).differing(finished, *DATA_SET) == []


def test_a_full_disk_stops_training_and_a_rerun_completes(finished, copy_of_finished, disks):
    project = copy_of_finished
    disks.mount("-t", "tmpfs", "-o", "size=400m", "none", project.results)
    results = disks.seen(project).results
    without_checkpoint = shutil.ignore_patterns("trained.pt", "checkpoint.pt")
    shutil.copytree(finished.results, results, symlinks=True, dirs_exist_ok=True, ignore=without_checkpoint)
    used = sum(path.stat().st_blocks * 512 for path in results.rglob("*") if not path.is_symlink())
    disks.mount("-o", f"remount,size={used + 500_000}", project.results)  # the checkpoint takes 2 MB
    told_of_a_full_disk(disks.project(project).snakemake(), "train")
    disks.mount("-o", "remount,size=400m", project.results)
    process = disks.project(project).snakemake()
    assert process.returncode == 0, process.out
    assert disks.seen(project).differing(finished) == []


def test_cached_vectors_survive_a_full_disk(tmp_path):
    vectors = np.ones((2000, 512), np.float32)
    keys = [str(number) for number in range(2000)]
    with VectorCache(tmp_path / "vectors.sqlite") as cache:
        cache.keep(keys[:100], vectors[:100])
        (pages,) = cache.connection.execute("PRAGMA page_count").fetchone()
        cache.connection.execute(f"PRAGMA max_page_count = {pages + 10}")  # SQLite now reports a full disk
        with pytest.raises(OSError, match="No space left on device"):
            cache.keep(keys[100:], vectors[100:])
    with VectorCache(tmp_path / "vectors.sqlite") as cache:
        assert set(cache.find(keys)) == set(keys[:100])
        cache.keep(keys[100:], vectors[100:])
        assert set(cache.find(keys)) == set(keys)


def test_an_unwritable_disk_stops_prediction_instead_of_rejecting_the_image(finished, tmp_path):
    tif = next(finished.raw.rglob("Stage*-1.tif"))
    image = load_checkpoint(finished.results / "model/checkpoint.pt")["image"]
    no_folder = tmp_path / "file"
    no_folder.touch()
    with pytest.raises(OSError):
        prepare_unlabelled([str(tif)], image, no_folder)


def files(folder):
    """Return {path: (time of change, bytes)} of a folder and everything below it."""
    return {
        path: (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else None)
        for path in [folder, *folder.rglob("*")]
    }


def test_raw_images_on_a_read_only_disk_need_a_lock_elsewhere(finished, project, request):
    disk = project.folder / "disk"
    shutil.copytree(finished.raw, disk / "raw")
    before = files(disk)
    here = project
    if os.geteuid() == 0:  # file modes do not stop root
        disks = request.getfixturevalue("disks")
        disks.mount("--bind", disk, disk)
        disks.mount("-o", "remount,bind,ro", disk)
        here = disks.project(project)
    else:
        for path in before:
            path.chmod(path.stat().st_mode & ~0o222)
    over = {"raw": ["disk/raw"]}
    process = here.snakemake(*UP_TO_DATA_SET, over=over)
    assert process.returncode != 0
    assert re.search(r"disk/raw\.split\.csv\b.*\bsplit\.lock\b", process.out) and "Traceback" not in process.out
    process = here.snakemake(*UP_TO_DATA_SET, over=over | {"split": SMALL["split"] | {"lock": "split.csv"}})
    assert process.returncode == 0, process.out
    assert (project.folder / "split.csv").read_text() == (finished.folder / "raw.split.csv").read_text()
    assert files(disk) == before


# {case: (rule that finds images missing, start of their paths)}: a whole stage, or the image of the sample figure and its copy.
VANISHING = {
    "a stage during preparation": ("prepare", "raw/159/"),
    "an image after preparation": ("dataset_figures", "raw/123/Stage(123)-20230811-Cycle00-embryo02-1"),
}


@pytest.mark.parametrize("case", VANISHING)
def test_vanished_images_stop_the_run_and_are_used_again_once_restored(finished, project, meddling, case):
    rule, gone = VANISHING[case]
    shutil.copytree(finished.raw, project.raw)
    shutil.copy(finished.folder / "raw.split.csv", project.folder)  # so that embryos keep their split with fewer images
    vanish = f"[path.unlink(missing_ok=True) for path in Path().glob({gone + '*'!r})]"
    process = project.snakemake("--until", rule, env=meddling(rule, before=vanish))
    assert process.returncode != 0
    assert re.search(rf"\brule {rule}\b.* results/logs/{rule}", process.out)
    assert gone in process.out and re.search(r"\brun\b.* again", process.out, re.IGNORECASE)
    assert "Traceback" not in process.out, process.out

    process = project.snakemake("--until", "dataset_figures")
    assert process.returncode == 0, process.out
    tables = finished.contents("results/catalog", "results/manifests")
    for name, content in tables.items():
        if name.endswith(".sha256"):  # of all images
            continue
        lines = [line for line in content.decode().splitlines() if gone not in line]
        assert (project.folder / name).read_text(encoding="utf-8").splitlines() == lines

    shutil.copytree(finished.raw, project.raw, dirs_exist_ok=True)
    process = project.snakemake("--until", "dataset_figures")
    assert process.returncode == 0, process.out
    assert project.differing(finished, *DATA_SET) == []


def test_a_run_is_refused_while_a_job_of_a_killed_run_still_works(finished, project, meddling):
    shutil.copytree(finished.raw, project.raw)
    process = project.started(*UP_TO_DATA_SET, env=meddling("prepare", before="import time; time.sleep(3600)"))
    assert wait_until(process, lambda: any(project.results.glob("logs/prepare/*.log")))
    process.kill()  # kills Snakemake, but not its jobs
    process.wait()
    refused = project.snakemake(*UP_TO_DATA_SET)
    os.killpg(process.pid, signal.SIGKILL)
    assert refused.returncode != 0
    assert re.search(r"\bjob\b.* results\b", refused.out) and "killed" in refused.out and "Traceback" not in refused.out
    process = project.snakemake(*UP_TO_DATA_SET)
    assert process.returncode == 0, process.out
    assert project.differing(finished, *DATA_SET) == []
