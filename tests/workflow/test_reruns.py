"""Tests of reruns: which jobs run after a change of settings, images, results or code."""

import json
import os
import re
import shutil
from modulefinder import ModuleFinder
from pathlib import Path

import pandas as pd
import pytest
import tifffile
import yaml

from flystage.jobs.tuning import best_trial
from flystage.run.code_versions import LIBRARY, modules_of
from small_project import MINUTES, REPOSITORY, SMALL, Project, merged, write_raw

CROSSVALIDATED = {"crossval": 1, "checkpoint": 1, "metrics": 1, "history": 1, "report": 1}
EVALUATED = {"evaluate": 1} | CROSSVALIDATED
TRAINED = {"train": 1, "training_figures": 1} | EVALUATED
TUNED = {"tune": 1, "best": 1} | TRAINED
COLLECTED = {"dataset": 1, "dataset_figures": 1, "features": 1} | TUNED
PREPARED = {"prepare": "*"} | COLLECTED  # "*": one job per bucket, "train": one job per bucket with training images


def without_crossval(expected):
    """Leave out cross-validation. A fine-tuned network, or one trained on SageMaker, is not trained again for each fold."""
    return {rule: count for rule, count in expected.items() if rule != "crossval"}


def jobs(process):
    """Return {rule: number of jobs} of a dry run, without `all`."""
    assert process.returncode == 0, process.out
    if "Nothing to be done" in process.out:
        return {}
    table = process.out.split("Job stats:")[1].split("total")[0]
    counts = {rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", table, flags=re.MULTILINE)}
    counts.pop("all", None)
    return counts


def buckets(project, split="*"):
    return len(list((project.results / "images").glob(f"{split}-*.csv")))


def counted(expected, project):
    return {rule: buckets(project, count) if isinstance(count, str) else count for rule, count in expected.items()}


ON_AWS = {"bucket": "flies", "role": "arn:aws:iam::123456789012:role/me"}
SETTINGS = {
    "settings that change nothing": (
        {
            "raw": ["./raw/"],  # for another folder see test_a_raw_folder_added
            "image": {"normalize": {"low": 2, "high": 98}},  # not used by the method multiply
            "train": {
                "finetune": {  # not used to train only a head
                    "head_epochs": 3, "deepest": 0.5, "batch_norm": "fixed", "precision": "bf16", "average": 0.9,
                    "augment": {"rotation": 9, "shift": 0, "scale": 0, "brightness": 0, "noise": 0},
                }
            },
            "compare": {"folds": 3},
            "hardware": {"gpu": True, "processes": 2, "nodes": 2, "workers": 0},
            "aws": {
                "region": "eu-west-1", "bucket": "flies", "prefix": "other", "role": "arn:aws:iam::123456789012:role/me",
                "kms_key": "key", "subnets": ["subnet-1"], "security_groups": ["sg-1"], "tags": ["a=b"],
                "training_image": "mine", "inference_image": "mine", "disk_gb": 9, "spot_wait_hours": 1, "poll": 1,
                "tune": {"instance": "ml.m5.large", "spot": False, "max_hours": 1, "parallel": 2},
                "train": {"instance": "ml.m5.large", "count": 2, "spot": False, "max_hours": 1},
                "evaluate": {"instance": "ml.m5.large", "max_hours": 2, "parallel": 2},
            },
            "predict": {"images": ["new"], "checkpoint": "mine.pt", "white": 4095, "top_k": 5, "occluded": 0, "series": "none"},
            "accept": ["labels.csv"],
        },
        {},
    ),
    "settings that change only the report": (
        {
            "name_pattern": r"Stage\((?P<stage>\d+)\)-(?P<embryo>.*\d)-",  # gives the same for these names
            "labels": "results/catalog.csv", "not_in_labels": "by_name",  # the same stages and embryos
            "unmatched": "exclude", "single_images": "allow", "max_saturated": 0.5,  # all names match, and each embryo has several images
            "frames": {"first": 51, "every": 36},  # the data set has no movie
            "split": {"train": 0.6, "val": 0.2, "test": 0.2, "seed": 9},  # the lock keeps all embryos in their splits
        },
        {"report": 1},
    ),
    "results": ({"results": "elsewhere"}, {"weights": 1} | PREPARED),
    "note": ({"note": "another"}, TRAINED),
    "stages": ({"stages": ["051", "087", "123"]}, PREPARED),
    "stages, all listed": ({"stages": ["051", "087", "123", "159"]}, COLLECTED),
    "time_unit": ({"time_unit": "none"}, COLLECTED),
    "split.test_reviewed": ({"split": {"test_reviewed": "blind"}}, TUNED),
    "split.lock": ({"split": {"lock": "other.csv"}}, COLLECTED),
    "buckets": ({"buckets": 8}, PREPARED | {"prepare": 3}),  # three of the five embryos change their bucket
    "max_bad": ({"max_bad": 0.9}, COLLECTED),
    "image.size": ({"image": {"size": 48}}, {"weights": 1} | PREPARED),  # timm builds networks for one size
    "image.field": ({"image": {"field": 400}}, PREPARED),
    "image.normalize.method": ({"image": {"normalize": {"method": "percentile"}}}, PREPARED),
    "image.normalize.factor": ({"image": {"normalize": {"factor": 5}}}, PREPARED),
    "image.white": ({"image": {"white": 30000}}, PREPARED),
    "image.series": ({"image": {"series": 1}}, PREPARED),
    "image.page": ({"image": {"page": "first"}}, PREPARED),
    "image.channel": ({"image": {"channel": 1}}, PREPARED),
    "image.max_pixels": ({"image": {"max_pixels": 1_000_000}}, PREPARED),
    "image.max_blank": ({"image": {"max_blank": 0.5}}, PREPARED),
    "image.min_levels": ({"image": {"min_levels": 8}}, PREPARED),
    "image.angles": ({"image": {"angles": [90]}}, PREPARED | {"prepare": "train"}),
    "model.backbone": ({"model": {"backbone": "resnet34"}}, {"weights": 1, "features": 1} | TUNED),
    "model.weights": ({"model": {"weights": "imagenet"}}, {"weights": 1, "features": 1} | TUNED),
    "model.pooling": ({"model": {"pooling": "mean"}}, {"weights": 1, "features": 1} | TUNED),
    "model.hidden": ({"model": {"hidden": [8]}}, TUNED),
    "model.dropout": ({"model": {"dropout": 0.2}}, TUNED),
    "compute.tune": ({"compute": {"tune": "sagemaker"}, "aws": ON_AWS}, TUNED),
    "compute.train": ({"compute": {"train": "sagemaker"}, "aws": ON_AWS}, without_crossval(TRAINED)),
    "compute.evaluate": ({"compute": {"evaluate": "endpoint"}, "aws": ON_AWS}, EVALUATED),
    "tune.trials": ({"tune": {"trials": 3}}, TUNED),
    "tune.learning_rate": ({"tune": {"learning_rate": [0.001, 0.01]}}, TUNED),
    "tune.batch_size": ({"tune": {"batch_size": [8, 16]}}, TUNED),
    "tune.epochs": ({"tune": {"epochs": 2}}, TUNED),
    "tune.folds": ({"tune": {"folds": 3}}, TUNED),
    "train.mode": ({"train": {"mode": "finetuned"}}, without_crossval(TUNED) | {"tune": 2}),  # a job for each trial
    "train.epochs": ({"train": {"epochs": 3}}, TRAINED),
    "train.patience": ({"train": {"patience": 2}}, TUNED),
    "train.loss": ({"train": {"loss": "cross_entropy"}}, TUNED),
    "train.spread": ({"train": {"spread": 1}}, TUNED),
    "train.weight_decay": ({"train": {"weight_decay": 0.1}}, TUNED),
    "train.seed": ({"train": {"seed": 2}}, {"weights": 1, "features": 1} | TUNED),
    "evaluate.views": ({"evaluate": {"views": 1}}, EVALUATED),
    "evaluate.adapt": ({"evaluate": {"adapt": "none"}}, EVALUATED),
    "evaluate.top_k": ({"evaluate": {"top_k": [1, 2]}}, CROSSVALIDATED),
    "evaluate.coverage": ({"evaluate": {"coverage": 0.8}}, CROSSVALIDATED),
    "crossval.folds": ({"crossval": {"folds": 3}}, CROSSVALIDATED),
    "crossval.folds, 0": ({"crossval": {"folds": 0}}, {"checkpoint": 1, "metrics": 1, "history": 1, "report": 1}),
}  # fmt: skip


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_changed_setting_reruns_what_depends_on_it(finished, setting):
    over, expected = SETTINGS[setting]
    process = finished.snakemake("--dry-run", over=merged(SMALL, over))
    assert jobs(process) == counted(expected, finished)
    if expected.get("prepare") == "train":
        assert "bucket val-" not in process.out and "bucket test-" not in process.out


def leaves(config, place=()):
    """Yield all settings of a configuration, also nested ones, as tuples of keys."""
    for key, value in config.items():
        if isinstance(value, dict):
            yield from leaves(value, (*place, key))
        else:
            yield (*place, key)


def is_set(config, place):
    """Return whether a configuration contains this setting. place: tuple of keys."""
    first, *rest = place
    return first in config and (not rest or is_set(config[first], rest))


def test_every_setting_has_a_rerun_test():
    config = yaml.safe_load((REPOSITORY / "config.yaml").read_text(encoding="utf-8"))
    for place in leaves(config):
        assert any(is_set(over, place) for over, _ in SETTINGS.values()), place


def test_another_file_of_weights_trains_again_but_a_touched_one_does_not(copy_of_finished):
    weights, over = copy_of_finished.folder / "weights.pth", {"model": {"weights": "weights.pth"}}
    weights.write_bytes(b"one")
    assert (
        copy_of_finished.snakemake("--touch", over=over).returncode == 0
    )  # marks the results as computed from this file
    os.utime(weights)
    assert jobs(copy_of_finished.snakemake("--dry-run", over=over)) == {}
    weights.write_bytes(b"two")
    assert jobs(copy_of_finished.snakemake("--dry-run", over=over)) == {"weights": 1, "features": 1} | TUNED


def one_raw(project):
    return sorted(project.raw.rglob("Stage*-1.tif"))[0]


def add_with_an_old_time_stamp(project):
    source = one_raw(project)
    new = source.with_name(source.name.replace("-1.tif", "-2.tif"))
    new.write_bytes(source.read_bytes() + b"\0")
    os.utime(new, (1_000_000_000, 1_000_000_000))


def replace(project):
    one_raw(project).write_bytes(sorted(project.raw.rglob("Stage*-1.tif"))[1].read_bytes() + b"\0")


def rename(project):
    source = one_raw(project)
    source.rename(source.with_name(source.name.replace("-1.tif", "-3.tif")))


def move_to_another_stage(project):
    source = one_raw(project)
    source.rename(project.raw / "087" / source.name.replace("(051)", "(087)").replace("-1.tif", "-4.tif"))


def write_again(project):
    one_raw(project).write_bytes(one_raw(project).read_bytes())


CHANGES = {
    "an image added": add_with_an_old_time_stamp,
    "an image removed": lambda project: one_raw(project).unlink(),
    "an image replaced": replace,
    "an image renamed": rename,
    "an image moved to another stage": move_to_another_stage,
    "an image written again": write_again,
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_image_reruns_only_its_bucket(copy_of_finished, change):
    CHANGES[change](copy_of_finished)
    assert jobs(copy_of_finished.snakemake("--dry-run")) == {"prepare": 1} | COLLECTED


def rules_run(project):
    """Return the names of the rules that ran in the last run."""
    return set(re.findall(r"^Finished jobid: \d+ \(Rule: (\w+)\)", project.log, re.MULTILINE)) - {"all"}


def test_copied_images_are_prepared_again_and_nothing_else_runs(copy_of_finished):
    project = copy_of_finished
    before, network = project.contents(), (project.results / "model/checkpoint.pt").stat()
    for path in project.raw.rglob("*.tif"):
        os.utime(path)
    process = project.snakemake()
    assert process.returncode == 0, process.out
    assert rules_run(project) == {"prepare", "dataset"}
    assert project.contents() == before
    assert (project.results / "model/checkpoint.pt").stat().st_mtime_ns == network.st_mtime_ns
    assert re.search(r"^The pictures are the same .*\nReport: ", process.out, re.MULTILINE)
    assert jobs(project.snakemake("--dry-run")) == {}


def test_images_on_another_disk_train_nothing_again(copy_of_finished, tmp_path):
    project = copy_of_finished
    project.raw.rename(tmp_path / "disk")
    shutil.copy(project.folder / "raw.split.csv", tmp_path / "disk.split.csv")
    over = {"raw": [str(tmp_path / "disk")]}
    process = project.snakemake(over=over)
    assert process.returncode == 0, process.out
    assert not rules_run(project) & {"weights", "features", "tune", "best", "train"}
    sources = read_table(project, "evaluation/predictions.csv")["source"]
    assert sources.str.startswith(str(tmp_path / "disk")).all()
    assert jobs(project.snakemake("--dry-run", over=over)) == {}


def test_another_picture_in_a_file_trains_again_also_after_a_kill(copy_of_finished):
    """The manifests stay the same, because they do not contain the pictures."""
    project = copy_of_finished
    path, manifests = one_raw(project), project.contents("results/manifests")
    tifffile.imwrite(path, tifffile.imread(path)[::-1])
    process = project.snakemake("--until", "dataset")  # as if the run were killed there
    assert process.returncode == 0, process.out
    after = project.contents("results/manifests")
    assert {name for name in after if after[name] != manifests[name]} < {*manifests} and after != manifests
    assert all(after[name] == manifests[name] for name in after if name.endswith(".csv"))
    split = read_table(project, "catalog.csv").set_index("path").loc[str(path.relative_to(project.folder)), "split"]
    expected = {"train": {"features": 1} | TUNED, "val": {"features": 1} | TUNED, "test": EVALUATED}[split]
    assert jobs(project.snakemake("--dry-run")) == expected | {"dataset_figures": 1}


def test_a_raw_folder_added(copy_of_finished):
    write_raw(copy_of_finished.folder / "more", embryos=1, minutes=MINUTES, first_embryo=6, droppings=False)
    over = {"raw": ["raw", "more"]}
    assert jobs(copy_of_finished.snakemake("--dry-run", over=over)) == {"prepare": 1} | COLLECTED


DELETED = {
    "evaluation/metrics.json": {"metrics": 1, "report": 1},
    "history.csv": {"history": 1, "report": 1},
    "evaluation/crossval.json": CROSSVALIDATED,
    "model/checkpoint.pt": {"checkpoint": 1},
    "model/trained.pt": TRAINED,
    "tuning/trial_0.json": TUNED,
    "manifests/val.csv": COLLECTED,
    "figures/top_k.png": {"metrics": 1, "report": 1},
    "report.html": {"report": 1},
}


@pytest.mark.parametrize("path", DELETED)
def test_a_deleted_result_and_its_dependents_are_made_again(copy_of_finished, path):
    (copy_of_finished.results / path).unlink()
    assert jobs(copy_of_finished.snakemake("--dry-run")) == DELETED[path]


def test_missing_caches_logs_and_lock_rerun_nothing(copy_of_finished):
    for folder in ("cache", "logs", "benchmarks"):
        shutil.rmtree(copy_of_finished.results / folder)
    (copy_of_finished.folder / "raw.split.csv").unlink()
    assert jobs(copy_of_finished.snakemake("--dry-run")) == {}


def stamps(folder, pattern="**/*"):
    return {path: path.lstat().st_mtime_ns for path in folder.glob(pattern)}


def test_a_second_and_a_third_run_change_no_files(copy_of_finished):
    before = stamps(copy_of_finished.results)
    for _ in range(2):
        process = copy_of_finished.snakemake()
        assert process.returncode == 0 and "Nothing to be done" in process.out
    assert stamps(copy_of_finished.results) == before


def test_the_results_follow_a_removed_and_a_moved_image(copy_of_finished):
    project = copy_of_finished
    removed = sorted(project.raw.rglob("Stage(159)*-1.tif"))[-1]
    source = one_raw(project)
    moved = project.raw / "087" / source.name.replace("(051)", "(087)").replace("-1.tif", "-4.tif")
    removed.unlink()
    source.rename(moved)
    process = project.snakemake("--until", "dataset")
    assert process.returncode == 0, process.out

    catalog = read_table(project, "catalog.csv").set_index("path")
    gone = {str(path.relative_to(project.folder)) for path in (removed, source)}
    new = str(moved.relative_to(project.folder))
    assert not gone & set(catalog.index)
    assert (catalog.loc[new, "stage"], catalog.loc[new, "status"]) == ("087", "used")
    manifests = pd.concat(read_table(project, f"manifests/{split}.csv") for split in ("train", "val", "test"))
    assert set(manifests["source"]) == set(catalog.index[catalog["status"] == "used"])
    assert set(manifests.loc[manifests["source"] == new, "stage"]) == {"087"}
    pngs = {str(path.relative_to(project.folder)) for path in (project.results / "images").glob("*/*.png")}
    assert set(manifests["png"]) <= pngs
    for left in pngs - set(
        manifests["png"]
    ):  # only the copy, whose PNG is written before it is recognised as a duplicate
        assert "_copy-" in left
    links = list((project.results / "split").glob("*/*/*.png"))
    assert len(links) == len(manifests) and all(link.exists() for link in links)


def read_table(project, name):
    return pd.read_csv(project.results / name, dtype=str, keep_default_na=False)


def test_more_trials_train_only_the_new_ones(copy_of_finished):
    before = copy_of_finished.contents("results/tuning/trial_")
    process = copy_of_finished.snakemake("--until", "best", over={"tune": {"trials": 3}})
    assert process.returncode == 0, process.out
    after = copy_of_finished.contents("results/tuning/trial_")
    assert set(after) - set(before) == {"results/tuning/trial_2.json"} and before.items() <= after.items()
    assert re.search(r"\b3 trials\b.*\b2\b", (copy_of_finished.results / "logs/tune.log").read_text())
    records = [json.loads(text) for text in after.values()]
    best = json.loads((copy_of_finished.results / "tuning/best.json").read_text())
    assert best == best_trial(records)


def test_a_missing_png_stops_the_run_and_is_made_again_without_its_folder(copy_of_finished):
    project = copy_of_finished
    png = read_table(project, "manifests/train.csv")["png"].iloc[0]
    content = (project.folder / png).read_bytes()
    (project.folder / png).unlink()
    assert jobs(project.snakemake("--dry-run")) == {}  # Snakemake does not look into folders
    refused = project.snakemake("--forcerun", "features", "--until", "features")
    assert refused.returncode != 0
    folder = os.path.dirname(png)
    assert re.search(rf"{re.escape(png)}\b.*\(No such file or directory\).* folder {re.escape(folder)}\b", refused.out)
    assert "Traceback" not in refused.out
    shutil.rmtree(project.folder / folder)
    assert jobs(project.snakemake("--dry-run")) == {"prepare": 1} | COLLECTED
    process = project.snakemake("--until", "features")
    assert process.returncode == 0, process.out
    assert (project.folder / png).read_bytes() == content
    assert ", 0 computed" in (project.results / "logs/features.log").read_text()


def test_without_snakemakes_records_dates_decide_and_a_warning_says_so(copy_of_finished):
    """Without .snakemake, the settings and code that gave the results are unknown."""
    warning = "--forceall"
    assert warning not in copy_of_finished.snakemake("--dry-run").out
    shutil.rmtree(copy_of_finished.folder / ".snakemake")
    process = copy_of_finished.snakemake("--dry-run")
    assert jobs(process) == {} and warning in process.out
    os.utime(one_raw(copy_of_finished))
    assert jobs(copy_of_finished.snakemake("--dry-run")) == {"prepare": 1} | COLLECTED


# {rule: jobs that must run after a change of its code}.
FOLLOWING = {
    "prepare": PREPARED,
    "dataset": COLLECTED,
    "dataset_figures": {"dataset_figures": 1, "report": 1},
    "weights": {"weights": 1, "features": 1} | TUNED,
    "features": {"features": 1} | TUNED,
    "tune": TUNED,
    "best": {"best": 1} | TRAINED,
    "train": TRAINED,
    "training_figures": {"training_figures": 1, "report": 1},
    "evaluate": EVALUATED,
    "crossval": CROSSVALIDATED,
    "checkpoint": {"checkpoint": 1},
    "metrics": {"metrics": 1, "report": 1},
    "history": {"history": 1, "report": 1},
    "null": {},
    "report": {"report": 1},
    "predict": {},
    "accept": {},
}
SCRIPTS = {rule: rule for rule in FOLLOWING} | {"tune": "tune_heads"}  # the script of a run that trains only heads


def modules_imported(rule):
    """Return the library's modules that the script of a rule imports, found by Python's module finder."""
    finder = ModuleFinder(path=[str(REPOSITORY / "workflow")])
    finder.run_script(str(REPOSITORY / f"workflow/scripts/{SCRIPTS[rule]}.py"))
    return {name.removeprefix("flystage.") for name in finder.modules if name.startswith("flystage.")}


@pytest.mark.parametrize("rule", FOLLOWING)
def test_every_rule_depends_on_its_script_and_all_imported_modules(rule):
    files = [
        Path(path).relative_to(LIBRARY) for path in modules_of(REPOSITORY / f"workflow/scripts/{SCRIPTS[rule]}.py")
    ]
    watched = {".".join(file.with_suffix("").parts).removesuffix(".__init__") for file in files}
    assert watched == modules_imported(rule)
    kind = "(?:rule|checkpoint)"
    (text,) = [
        re.split(rf"\n{kind} ", block)[0]
        for path in (REPOSITORY / "workflow/rules").glob("*.smk")
        for block in re.split(rf"\n{kind} {rule}:\n", path.read_text())[1:]
    ]
    (code,), (script,) = re.findall(r"code_of\((.*)\)", text), re.findall(r"scripts/(.*)\"$", text, re.MULTILINE)
    assert code.strip('"') == script.strip("{}")


@pytest.fixture
def cloned(copy_of_finished, tmp_path):
    """Return the finished project with a new clone of the repository, whose files are newer than the results."""
    repository = tmp_path / "clone"
    for name in ("workflow", "envs"):
        shutil.copytree(
            REPOSITORY / name,
            repository / name,
            copy_function=shutil.copy,
            ignore=shutil.ignore_patterns("__pycache__"),
        )
    for name in ("Snakefile", "config.yaml"):
        shutil.copy(REPOSITORY / name, repository / name)
    (repository / "profiles").symlink_to("workflow/profiles")
    return Project(copy_of_finished.folder, repository)


def test_a_new_clone_reruns_the_report_and_an_edited_module_its_rules(cloned):
    assert jobs(cloned.snakemake("--dry-run")) == {"report": 1}  # its template is an input, which now has another path
    assert cloned.snakemake("--touch").returncode == 0  # marks the results as computed from this clone
    for module in (
        "evaluation.intervals",
        "jobs.tuning",
        "images.tiff",
        "network",
    ):  # the last is the __init__.py of a package
        expected = {}
        for rule, following in FOLLOWING.items():
            if module in modules_imported(rule):
                expected |= following
        path = cloned.repository / "workflow/flystage" / module.replace(".", "/")
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        text = path.read_text()
        path.write_text(f"{text}\nEDITED = True\n")
        assert jobs(cloned.snakemake("--dry-run")) == counted(expected, cloned), module
        path.write_text(text)


def test_an_added_movie_reruns_only_its_bucket_and_new_vectors(copy_of_finished):
    project = copy_of_finished
    lock = (project.folder / "raw.split.csv").read_text()
    before = {path: path.stat().st_mtime_ns for path in (project.results / "images").glob("*/*.png")}
    write_raw(project.raw, embryos=1, first_embryo=6, droppings=False)
    process = project.snakemake("--until", "features")
    assert process.returncode == 0, process.out
    after = {path: path.stat().st_mtime_ns for path in (project.results / "images").glob("*/*.png")}
    touched = {path for path in after if after[path] != before.get(path)}
    assert len({path.parent for path in touched}) == 1  # one bucket
    (log,) = [line for line in (project.results / "logs/features.log").read_text().splitlines() if "PNGs" in line][:1]
    known, to_compute = map(int, re.findall(r"(\d+) (?:vectors known|computed)", log))
    assert known > 0 and to_compute in (0, 4, 12)  # four images, at three angles if the movie is in the training split
    grown = (project.folder / "raw.split.csv").read_text()
    assert grown.startswith(lock) and len(grown.splitlines()) == len(lock.splitlines()) + 1
