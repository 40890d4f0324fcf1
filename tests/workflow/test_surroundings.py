"""Tests of command lines and surroundings in which flystage cannot work, or that change what a run does."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import embryos
from small_project import REPOSITORY
from test_reruns import jobs

PREDICT = {"predict": {"images": ["new"], "occluded": 0}}
FOREIGN = {
    "module": f'module flystage:\n    snakefile: "{REPOSITORY}/Snakefile"\n    config: config\n\nuse rule * from flystage\n',
    "include": f'include: "{REPOSITORY}/Snakefile"\n',
}


def write_new_images(project):
    embryos.write_embryos(
        project.folder / "new", embryos=1, minutes=(60,), size=(222, 84), processes=1, unlabelled=True
    )


@pytest.mark.parametrize("kind", [*FOREIGN, "link"])
def test_another_snakefile_gets_one_sentence_with_what_to_type(project, kind):
    snakefile = project.folder / "Snakefile"
    if kind == "link":
        snakefile.symlink_to(REPOSITORY / "Snakefile")
    else:
        snakefile.write_text(FOREIGN[kind])
    command = [Path(sys.executable).with_name("snakemake"), "--cores", "1"]
    process = subprocess.run(command, cwd=project.folder, capture_output=True, text=True)
    assert process.returncode != 0
    assert f"snakemake --snakefile {REPOSITORY}/Snakefile " in process.stderr
    assert "Traceback" not in process.stderr and "flystage" in process.stderr


def test_links_to_the_whole_repository_work(finished, tmp_path):
    for path in ("Snakefile", "config.yaml", "workflow", "profiles", "envs"):
        os.symlink(REPOSITORY / path, tmp_path / path)
    command = finished.command("check", "--dry-run")
    command[2] = tmp_path / "Snakefile"
    process = subprocess.run(command, cwd=finished.folder, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr


def test_a_configuration_that_snakemake_would_drop_is_told(finished):
    process = finished.snakemake("--dry-run", "--configfile", "other.yaml")  # the project adds --configfile itself
    assert process.returncode != 0 and "--configfile other.yaml over-" in process.out
    assert "Traceback" not in process.out


def test_values_of_the_command_line_have_the_types_of_their_settings(finished):
    process = finished.snakemake("--dry-run", "--config", 'hardware={"gpu": true}', "labels=null")
    assert jobs(process) == {}


def test_training_and_predicting_in_one_command_and_again_one_by_one(copy_of_finished):
    project = copy_of_finished
    write_new_images(project)
    (project.results / "model/checkpoint.pt").unlink()
    refused = project.snakemake("predict", "--dry-run", over=PREDICT)
    assert refused.returncode != 0 and "snakemake all predict" in refused.out
    expected = {"checkpoint": 1, "mark_checkpoint": 1, "predict": 1}
    for targets in (["all", "predict"], ["predict", "all"], ["report", "predict"]):
        assert jobs(project.snakemake(*targets, "--dry-run", over=PREDICT)) == expected
    process = project.snakemake("all", "predict", over=PREDICT)
    assert process.returncode == 0, process.out
    for targets in (["all", "predict"], ["predict"], ["all"]):
        assert jobs(project.snakemake(*targets, "--dry-run", over=PREDICT)) == {}
    (project.results / "model/checkpoint.pt").unlink()  # the mark stays
    assert jobs(project.snakemake("all", "predict", "--dry-run", over=PREDICT)) == expected


def test_predicting_alone_trains_nothing(copy_of_finished):
    project = copy_of_finished
    write_new_images(project)
    for path in project.raw.rglob("*.tif"):
        path.write_bytes(path.read_bytes() + b"\0")
    assert jobs(project.snakemake("predict", "--dry-run", over=PREDICT)) == {"predict": 1}
    both = jobs(project.snakemake("all", "predict", "--dry-run", over=PREDICT))
    assert both["train"] == both["predict"] == 1 and both["prepare"] > 1


@pytest.mark.parametrize("rule", ["features", "tune"])
def test_until_a_rule_makes_its_missing_files(copy_of_finished, rule):
    lost = {"features": "features/val.npy", "tune": "tuning/trial_0.json"}[rule]
    (copy_of_finished.results / lost).unlink()
    process = copy_of_finished.snakemake("--until", rule)
    assert process.returncode == 0, process.out
    assert (copy_of_finished.results / lost).exists()
