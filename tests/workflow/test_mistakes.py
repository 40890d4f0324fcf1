"""Mistakes a user can make: one sentence that says what to change, before any job runs."""

import shutil

import pytest

from small_project import write_raw


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mistakes") / "raw"
    write_raw(folder, embryos=3, minutes=(51, 87), droppings=False)
    return folder


MISTAKES = {
    "typo": ({"trian": {"epochs": 3}}, "Did you mean train?"),
    "wrong type": ({"buckets": "many"}, "buckets: 'many' is not allowed. It must be a whole number"),
    "missing folder": ({"raw": ["nowhere"]}, "The image folder nowhere does not exist"),
    "empty folder": ({"raw": ["empty"]}, "The image folder empty contains no TIF"),
    "wrong pattern": (
        {"name_pattern": r"(?P<stage>\d+)min"},
        "for example 'Stage(051)-20230811-Cycle00-embryo01-1.tif'",
    ),
    "broken pattern": ({"name_pattern": "(?P<stage>"}, "name_pattern: not a regular expression"),
    "missing stage": ({"stages": ["051", "060"]}, "'060' has no images"),
    "stages off the grid": ({"stages": {"from": 52, "to": 195, "every": 9}}, "no image is on the grid"),
    "shares": ({"split": {"train": 0.9}}, "must sum to 1, not 1.4"),
    "no such weights": ({"model": {"weights": "mine.pt"}}, "there is no file 'mine.pt'"),
    "embryos not told apart": (
        {"name_pattern": r"Stage\((?P<stage>\d+)\)-(?P<embryo>\d+)"},
        "1 embryo(s) cannot be split",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_in_one_sentence_before_any_job(mistake, raw, project):
    over, sentence = MISTAKES[mistake]
    shutil.copytree(raw, project.raw)
    (project.folder / "empty").mkdir()
    process = project.snakemake(over=over)
    assert process.returncode != 0
    told = process.out.splitlines()
    assert sentence in told[-1] and len(told) == 2, process.out  # the other says which profile is used
    assert not project.results.exists()


def test_weights_that_cannot_be_had_are_told_with_every_way_out_before_any_image_is_prepared(raw, project):
    shutil.copytree(raw, project.raw)
    nowhere = {"https_proxy": "http://127.0.0.1:9", "TORCH_HOME": str(project.folder / "torch")}
    process = project.snakemake(over={"model": {"backbone": "resnet18", "weights": "imagenet"}}, env=nowhere)
    assert process.returncode != 0 and "Traceback" not in process.out
    assert "The ImageNet weights of resnet18 could not be downloaded" in process.out
    assert "set model.weights to the file" in process.out
    assert "set model.backbone to efficientnet_lite0 and model.weights to bundled" in process.out
    assert not (project.results / "images").exists()


def test_a_bare_octal_stage_is_refused(raw, project):
    shutil.copytree(raw, project.raw)
    (project.folder / "octal.yaml").write_text("stages: [051, 087]\n")
    process = project.snakemake(more_config=["octal.yaml"])
    assert process.returncode != 0
    assert 'YAML reads 051 as the octal number 41. Write "051" in quotes' in process.out


def test_predicting_without_a_checkpoint_says_so(project):
    process = project.snakemake("predict", over={"predict": {"images": ["unlabelled"]}})
    assert process.returncode != 0
    assert "The checkpoint results/model/checkpoint.pt does not exist" in process.out
    assert "Traceback" not in process.out


def test_too_many_bad_files_stop_the_run_and_are_named(raw, project):
    shutil.copytree(raw, project.raw)
    for path in sorted(project.raw.rglob("*.tif"))[:4]:
        path.write_bytes(b"not a TIF at all")
    process = project.snakemake(over={"max_bad": 0.5})
    assert process.returncode != 0
    assert "4 of 6 images cannot be used" in process.out and "max_bad: 0.5" in process.out
    assert "Stage(051)-20230811-Cycle00-embryo01-1.tif: not a TIF" in process.out
    assert not (project.folder / "raw.split.csv").exists()


FILES = {
    "tab": (b"raw: [raw]\n\tbuckets: 2\n", "mine.yaml, line 2: the line begins with a tab"),
    "regular expression in double quotes": (b'name_pattern: "\\d+"\n', "mine.yaml, line 1: a backslash "),
    "Latin-1": ("note: café\n".encode("latin-1"), "mine.yaml, line 1: the file is not saved as UTF-8"),
    "UTF-16": ("note: a\n".encode("utf-16"), "mine.yaml, line 1: the file is saved as UTF-16"),
    "empty": (b"", "mine.yaml is empty"),
    "a list": (b"- raw\n", "mine.yaml, line 1: the file contains a list"),
    "twice": (b"buckets: 2\nbuckets: 3\n", "mine.yaml, line 2: duplicate key buckets (first used in line 1)"),
    "misspelled": (None, "The configuration file mine.yaml does not exist"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", FILES)
def test_a_mistake_in_a_configuration_file_is_one_sentence_with_the_line(mistake, project):
    content, sentence = FILES[mistake]
    if content is not None:
        (project.folder / "mine.yaml").write_bytes(content)
    process = project.snakemake(more_config=["mine.yaml"])
    assert process.returncode == 1
    lines = [line for line in process.out.splitlines() if not line.startswith("Using workflow specific profile")]
    assert len(lines) == 1 and sentence in lines[0]


def test_a_mistake_in_the_configuration_of_the_repository_is_one_sentence_with_the_line(project, tmp_path):
    repository = tmp_path / "clone"
    repository.mkdir()
    for name in ("workflow", "profiles", "envs"):
        (repository / name).symlink_to(project.repository / name)
    shutil.copy(project.repository / "Snakefile", repository)
    text = (project.repository / "config.yaml").read_text(encoding="utf-8")
    (repository / "config.yaml").write_text(text.replace("\nresults:", "\n results:"), encoding="utf-8")
    process = type(project)(project.folder, repository).snakemake()
    assert process.returncode == 1 and "Traceback" not in process.out
    assert "config.yaml, line 6: the line has another indentation" in process.out


def test_a_configuration_with_a_byte_order_mark_is_read(raw, project):
    shutil.copytree(raw, project.raw)
    (project.folder / "mine.yaml").write_text("\ufeffbuckets: many\r\n", encoding="utf-8")
    process = project.snakemake("--dry-run", more_config=["mine.yaml"])
    assert "buckets: 'many' is not allowed" in process.out
