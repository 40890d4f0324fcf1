"""Tests of users' errors: flystage stops before any job, with a message that says what to change."""

import re
import shutil

import pytest

from small_project import write_raw


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mistakes") / "raw"
    write_raw(folder, embryos=3, minutes=(51, 87), droppings=False)
    return folder


MISTAKES = {
    "typo": ({"trian": {"epochs": 3}}, r"'trian'.*\btrain\?"),
    "wrong type": ({"buckets": "many"}, r"buckets: 'many' .*whole number"),
    "missing folder": ({"raw": ["nowhere"]}, r"folder nowhere .*exist"),
    "empty folder": ({"raw": ["empty"]}, r"folder empty .*\bTIF\b"),
    "wrong pattern": (
        {"name_pattern": r"(?P<stage>\d+)min"},
        r"name_pattern.*'Stage\(051\)-20230811-Cycle00-embryo01-1\.tif'",
    ),
    "broken pattern": ({"name_pattern": "(?P<stage>"}, r"name_pattern: .*regular expression"),
    "missing stage": ({"stages": ["051", "060"]}, r"stages: .*'060' .*images"),
    "stages off the grid": (
        {"stages": {"from": 52, "to": 195, "every": 9}},
        r"stages: .*\bgrid from 52 to 195 every 9",
    ),
    "shares": ({"split": {"train": 0.9}}, r"split: .*\b1, not 1\.4"),
    "no such weights": ({"model": {"weights": "mine.pt"}}, r"model\.weights: .*'mine\.pt'"),
    "embryos not distinguished": (
        {"name_pattern": r"Stage\((?P<stage>\d+)\)-(?P<embryo>\d+)"},
        r"\b1 embryo.* split .*name_pattern",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_an_error_stops_the_run_before_any_job_with_one_line(mistake, raw, project):
    over, sentence = MISTAKES[mistake]
    shutil.copytree(raw, project.raw)
    (project.folder / "empty").mkdir()
    process = project.snakemake(over=over)
    assert process.returncode != 0
    told = process.out.splitlines()
    assert re.search(sentence, told[-1]) and len(told) == 2, process.out  # the first line names the profile
    assert not project.results.exists()


def test_missing_weights_stop_the_run_and_list_alternatives(raw, project):
    shutil.copytree(raw, project.raw)
    nowhere = {"https_proxy": "http://127.0.0.1:9", "TORCH_HOME": str(project.folder / "torch")}
    process = project.snakemake(over={"model": {"backbone": "resnet18", "weights": "imagenet"}}, env=nowhere)
    assert process.returncode != 0 and "Traceback" not in process.out
    assert re.search(r"weights of resnet18 .*download", process.out)
    assert re.search(r"model\.weights\b.*\bmodel\.backbone to efficientnet_lite0\b.*\bbundled\b", process.out)
    assert not (project.results / "images").exists()


def test_an_unquoted_octal_stage_is_refused(raw, project):
    shutil.copytree(raw, project.raw)
    (project.folder / "octal.yaml").write_text("stages: [051, 087]\n")
    process = project.snakemake(more_config=["octal.yaml"])
    assert process.returncode != 0
    assert re.search(r'\b051\b.*\b41\b.*"051".*quotes', process.out)


def test_predicting_without_a_checkpoint_stops_with_its_path(project):
    process = project.snakemake("predict", over={"predict": {"images": ["unlabelled"]}})
    assert process.returncode != 0
    assert re.search(r"checkpoint results/model/checkpoint\.pt\b", process.out)
    assert "Traceback" not in process.out


def test_too_many_unusable_files_stop_the_run_and_are_named(raw, project):
    shutil.copytree(raw, project.raw)
    for path in sorted(project.raw.rglob("*.tif"))[:4]:
        path.write_bytes(b"not a TIF at all")
    process = project.snakemake(over={"max_bad": 0.5})
    assert process.returncode != 0
    assert re.search(r"\b4 of 6 images\b.*\bmax_bad: 0\.5\b", process.out)
    assert "Stage(051)-20230811-Cycle00-embryo01-1.tif: not a TIF" in process.out
    assert not (project.folder / "raw.split.csv").exists()


FILES = {
    "tab": (b"raw: [raw]\n\tbuckets: 2\n", r"mine\.yaml, line 2: .*\btab\b"),
    "regular expression in double quotes": (b'name_pattern: "\\d+"\n', r"mine\.yaml, line 1: .*backslash .*double quotes"),
    "Latin-1": ("note: café\n".encode("latin-1"), r"mine\.yaml, line 1: .*\bUTF-8\b"),
    "UTF-16": ("note: a\n".encode("utf-16"), r"mine\.yaml, line 1: .*\bUTF-16\b"),
    "empty": (b"", r"mine\.yaml is empty"),
    "a list": (b"- raw\n", r"mine\.yaml, line 1: .*\blist\b"),
    "twice": (b"buckets: 2\nbuckets: 3\n", r"mine\.yaml, line 2: .*\bbuckets\b.* line 1\b"),
    "misspelled": (None, r"configuration file mine\.yaml"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", FILES)
def test_an_error_in_a_configuration_file_is_one_line_with_its_place(mistake, project):
    content, sentence = FILES[mistake]
    if content is not None:
        (project.folder / "mine.yaml").write_bytes(content)
    process = project.snakemake(more_config=["mine.yaml"])
    assert process.returncode == 1
    lines = [line for line in process.out.splitlines() if not line.startswith("Using workflow specific profile")]
    assert len(lines) == 1 and re.search(sentence, lines[0])


def test_an_error_in_the_configuration_of_the_repository_names_its_line(project, tmp_path):
    repository = tmp_path / "clone"
    repository.mkdir()
    for name in ("workflow", "profiles", "envs"):
        (repository / name).symlink_to(project.repository / name)
    shutil.copy(project.repository / "Snakefile", repository)
    text = (project.repository / "config.yaml").read_text(encoding="utf-8")
    (repository / "config.yaml").write_text(text.replace("\nresults:", "\n results:"), encoding="utf-8")
    process = type(project)(project.folder, repository).snakemake()
    assert process.returncode == 1 and "Traceback" not in process.out
    assert re.search(r"config\.yaml, line 6: .*indent", process.out)


def test_a_configuration_with_a_byte_order_mark_is_read(raw, project):
    shutil.copytree(raw, project.raw)
    (project.folder / "mine.yaml").write_text("\ufeffbuckets: many\r\n", encoding="utf-8")
    process = project.snakemake("--dry-run", more_config=["mine.yaml"])
    assert "buckets: 'many' " in process.out
