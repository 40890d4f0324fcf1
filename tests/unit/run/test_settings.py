"""Every error in the configuration gives a message that names the key and what is allowed."""

import copy
import re
from pathlib import Path

import pytest
import yaml

from flystage.core.errors import FlystageError
from flystage.run.settings import check_null, checked

REPOSITORY = Path(__file__).parents[3]
SCHEMA = REPOSITORY / "workflow" / "schemas" / "config.schema.yaml"
DEFAULT = yaml.safe_load((REPOSITORY / "config.yaml").read_text(encoding="utf-8"))


def changed(key, value):
    """The default configuration with one setting, for example "image.size", changed."""
    config = copy.deepcopy(DEFAULT)
    *groups, last = key.split(".")
    group = config
    for name in groups:
        group = group[name]
    group[last] = value
    return config


def sentence(config, *files):
    with pytest.raises(FlystageError) as refused:
        checked(config, SCHEMA, files)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def says(text, *facts):
    """Whether a text contains all facts in this order."""
    return re.search(".*".join(map(re.escape, facts)), text) is not None


def test_the_configuration_of_the_repository_is_valid_and_unchanged():
    before = copy.deepcopy(DEFAULT)
    expected = copy.deepcopy(DEFAULT)
    expected["image"]["normalize"] = {"method": "multiply", "factor": 6}  # settings of the other method have no effect
    del expected["train"]["finetune"]  # nor do those of another mode
    assert checked(DEFAULT, SCHEMA, [REPOSITORY / "config.yaml"]) == expected
    assert before == DEFAULT


def test_the_schema_and_the_configuration_have_the_same_settings():
    def same(config, schema, where):
        assert set(config) == set(schema["properties"]), where
        assert set(schema["required"]) == set(config), where
        assert schema["additionalProperties"] is False, where
        for name, value in config.items():
            if value and isinstance(value, dict):  # variants have names of their own
                same(value, schema["properties"][name], f"{where}.{name}")

    same(DEFAULT, yaml.safe_load(SCHEMA.read_text(encoding="utf-8")), "config")


def test_the_demo_changes_only_settings_that_exist():
    def known(over, config):
        for name, value in over.items():
            assert name in config
            if isinstance(value, dict):
                known(value, config[name])

    known(yaml.safe_load((REPOSITORY / "demo" / "config.yaml").read_text(encoding="utf-8")), DEFAULT)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("trainn", ["Configuration: ", "'trainn'", " train?"]),
        ("image.sise", ["Configuration, image: ", "'sise'", " size?"]),
        ("image.normalize.factr", ["Configuration, image.normalize: ", "'factr'", " factor?"]),
        ("tune.batchsize", ["Configuration, tune: ", "'batchsize'", " batch_size?"]),
        ("evaluate.zzz", ["Configuration, evaluate: ", "'zzz'", " top_k, views, coverage, adapt."]),
    ],
)
def test_a_typo_is_named_with_the_probable_setting(key, expected):
    assert says(sentence(changed(key, 1)), *expected)


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("raw", [], "raw: [] ... a list of 1 or more, all different, each text."),
        ("raw", None, "raw: None ... a list, all different, each text."),
        ("raw", ["a", "a"], "all different, each text."),
        ("results", 3, "results: 3 ... text."),
        ("note", None, "note: None ... text."),
        ("name_pattern", 3, "name_pattern: 3 ... text or null."),
        (
            "stages",
            "some",
            "stages: 'some' ... all, or a list of 2 or more, each text or a number, or a group",
        ),
        ("stages", ["051"], "stages: ['051'] is not allowed"),
        ("stages", {"from": 51, "to": 60}, "a group of settings with from, to, every, or a group of settings."),
        ("stages", {"dome": "soon", "bud": 3}, "'soon' ... stage dome"),
        (
            "split",
            None,
            "split: None ... a group of settings with train, val, test, seed, lock, test_reviewed.",
        ),
        ("split.seed", -1, "split.seed: -1 ... a whole number at least 0."),
        ("split.test", 0, "split.test: 0 ... a number above 0 and below 1."),
        ("buckets", 0.5, "buckets: 0.5 ... a whole number at least 1 and at most 1000."),
        ("buckets", True, "buckets: True ... a whole number"),
        ("max_bad", 50, "max_bad: 50 ... a number at least 0 and at most 1."),
        (
            "image.size",
            "256",
            "image.size: '256' ... a whole number at least 32 and at most 4096.",
        ),
        ("image.field", "all", "image.field: 'all' ... auto, or a number above 0."),
        (
            "image.page",
            0,
            "image.page: 0 ... one of first, middle, last, max, or a whole number at least 1.",
        ),
        (
            "image.channel",
            "red",
            "image.channel: 'red' ... one of auto, max, or a whole number at least 1.",
        ),
        (
            "image.angles",
            [45, 360],
            "image.angles.1: 360 ... a whole number above 0 and below 360.",
        ),
        ("image.normalize.method", "stretch", "image.normalize.method: 'stretch' ... one of multiply, percentile."),
        ("model.backbone", "resnet5", "model.backbone: 'resnet5' ... resnet50 or"),
        ("model.backbone", "qqq", "model.backbone: 'qqq' ... alexnet, efficientnet_b0,"),
        ("model.hidden", 512, "model.hidden: 512 ... a list, each a whole number at least 1."),
        (
            "tune.learning_rate",
            [0.1, 0.2, 0.3],
            "tune.learning_rate: ... a list of 2, each a number above 0 and at most 1.",
        ),
        ("tune.learning_rate", 0.1, "tune.learning_rate: 0.1 is not allowed"),
        ("tune.batch_size", [], "tune.batch_size: ... a list of 1 or more, each a whole number at least 1."),
        ("train.loss", "mse", "train.loss: 'mse' ... one of ordered, cross_entropy."),
        (
            "evaluate.top_k",
            3,
            "evaluate.top_k: 3 ... a list of 1 or more, all different, each a whole number at least 1.",
        ),
        ("predict.images", 3, "predict.images: 3 ... a list, all different, each text."),
        ("stages", [True, "a"], "stages.0: True ... text or a number."),
        ("stages", {"from": 51, "to": "x", "every": 9}, "stages.to: 'x' ... a number."),
        ("labels", ["a.csv", 3], 'labels.1: 3 ... text. Write "3" in quotes.'),
        ("frames", {"first": "x", "every": 1}, "frames.first: 'x' ... a number."),
        ("split.train", float("nan"), "split.train: nan ... Write a number."),
        ("tune.trials", 4.5, "tune.trials: 4.5 ... a whole number at least 1 and at most 1000."),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(key, value, expected):
    assert says(sentence(changed(key, value)), "Configuration, ", *expected.split(" ... "))


def test_a_missing_setting_is_named():
    config = copy.deepcopy(DEFAULT)
    del config["split"]["seed"]
    assert says(sentence(config), "Configuration, split: ", "'seed'", "missing", "config.yaml")


def test_shares_must_sum_to_1():
    assert says(sentence(changed("split.train", 0.8)), "split: ", "sum to 1", "1.1")
    assert checked(changed("split.train", 0.7 + 1e-9), SCHEMA)


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("name_pattern", "(?P<stage>", ["name_pattern: ", "regular expression"]),
        ("tune.learning_rate", [0.1, 0.01], ["tune.learning_rate: ", "[0.01, 0.1]"]),
        ("image.normalize.low", 99.9, ["image.normalize: ", "low", "high"]),
        (
            "model.weights",
            "nowhere.pt",
            ["model.weights: ", "no file 'nowhere.pt'", "imagenet, pretrained, bundled, none"],
        ),
        ("model.weights", "bundled", ["model.weights: ", "efficientnet_lite0", "model.backbone"]),
        ("model.backbone", "timm/vit_small_patch14_dinov2", ["image.size: ", "14 pixels", "308 or 322"]),
        ("model.backbone", "vit_small_patch14_dinov2", ["model.backbone: 'vit_small_patch14_dinov2'", "timm/name"]),
        ("evaluate.views", 3, ["evaluate.views: 3", "one of 1, 2, 4"]),
        ("stages", {"from": 60, "to": 51, "every": 9}, ["stages: from (60)", "to (51)"]),
    ],
)
def test_a_value_that_does_not_fit_others_is_named(key, value, expected):
    assert says(sentence(changed(key, value)), *expected)


@pytest.mark.parametrize(("text", "number"), [("1e-4", 1e-4), ("1E-3", 1e-3), ("1.5e-3", 1.5e-3), ("+2e-3", 2e-3)])
def test_a_power_of_ten_that_yaml_reads_as_text_is_a_number(text, number):
    assert isinstance(yaml.safe_load(text), str) or yaml.safe_load(text) == number
    assert checked(changed("tune.learning_rate", [text, 0.01]), SCHEMA)["tune"]["learning_rate"] == [number, 0.01]
    assert checked(changed("train.weight_decay", text), SCHEMA)["train"]["weight_decay"] == number
    assert "'1e-4x' is not allowed" in sentence(changed("tune.learning_rate", ["1e-4x", 0.01]))


def test_a_text_that_needs_quotes_is_shown_as_it_is_written(tmp_path):
    over = tmp_path / "mine.yaml"
    over.write_text("results: 2023_08_11\n", encoding="utf-8")
    text = sentence(DEFAULT | {"results": 20230811}, REPOSITORY / "config.yaml", over)
    assert says(text, "results: 20230811", '"2023_08_11" in quotes')


def test_a_single_folder_is_a_list_of_one_and_paths_are_tidied(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "weights.pt").touch()
    config = changed("raw", "./raw/")
    config["predict"] |= {"images": "~/new", "checkpoint": "a/../b.pt"}
    config["results"], config["split"]["lock"], config["model"]["weights"] = "out//", "./lock.csv", "~/weights.pt"
    result = checked(config, SCHEMA)
    assert result["raw"] == ["raw"] and result["results"] == "out" and result["split"]["lock"] == "lock.csv"
    assert result["predict"]["images"] == [f"{tmp_path}/new"] and result["predict"]["checkpoint"] == "b.pt"
    assert result["model"]["weights"] == f"{tmp_path}/weights.pt"


@pytest.mark.parametrize(
    ("stages", "expected"),
    [
        (
            "[051, 060]",
            ["051", "octal", "41", '"051"', "51"],
        ),
        ('["051", 060]', ["060", "octal", "48"]),
        ("\n  - 060\n  - 063", ["060", "octal", "48"]),
        ("{from: 051, to: 195, every: 9}", ["051", "octal", "41"]),
        ("{from: 51, to: 0144, every: 9}", ["0144", "octal", "100"]),
        ("\n  from: 51\n  to: 195\n  every: 011", ["011", "octal", "9"]),
    ],
)
def test_an_octal_stage_is_refused(tmp_path, stages, expected):
    over = tmp_path / "mine.yaml"
    over.write_text(f"stages: {stages}\n", encoding="utf-8")
    text = sentence(DEFAULT, over)
    assert text.startswith(f"{over}, stages") and says(text, *expected)


def test_an_octal_number_anywhere_is_refused(tmp_path):
    over = tmp_path / "mine.yaml"
    over.write_text("image: {angles: [045, 090]}\n", encoding="utf-8")
    text = sentence(DEFAULT, over)
    assert says(text, f"{over}, image.angles, line 1: ", "045", "octal", "37", " 45 ")


@pytest.mark.parametrize(
    "stages",
    ['["051", "060"]', "['060', 51, 0]", "{from: 51, to: 195, every: 9}", "all", "[late, early]", "[089, 098]"],
)
def test_stages_that_yaml_reads_as_written_are_fine(tmp_path, stages):
    over = tmp_path / "mine.yaml"
    over.write_text(f"stages: {stages}\n", encoding="utf-8")
    checked(DEFAULT | {"stages": yaml.safe_load(stages)}, SCHEMA, [over])


def test_an_overlay_that_is_empty_or_not_yaml_is_refused(tmp_path):
    over = tmp_path / "mine.yaml"
    over.write_text("# nothing yet\n", encoding="utf-8")
    assert f"{over} is empty" in sentence(DEFAULT, over)
    over.write_text("stages: [051\n", encoding="utf-8")
    assert says(sentence(DEFAULT, over), f"{over}, line 1: ", "bracket")
    over.write_text("\ufeffstages: [089, 098]\n", encoding="utf-8")
    checked(DEFAULT, SCHEMA, [over])


ROLE = "arn:aws:iam::123456789012:role/flystage"


def on_sagemaker(step="train", place="sagemaker", **aws):
    config = changed(f"compute.{step}", place)
    config["aws"] |= {"bucket": "flies", "role": ROLE} | aws
    return config


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (
            on_sagemaker(bucket=""),
            ["aws.bucket: compute.train is sagemaker", "S3 bucket", "''"],
        ),
        (
            on_sagemaker("evaluate", "endpoint", bucket="s3://flies"),
            ["aws.bucket: compute.evaluate is endpoint", "s3://flies"],
        ),
        (on_sagemaker("tune", role=""), ["aws.role: compute.tune is sagemaker", "ARN", "''", "arn:aws:iam::"]),
        (on_sagemaker(role="flystage"), ["aws.role: ", "'flystage'"]),
        (on_sagemaker(subnets=["subnet-1"]), ["aws: subnets and security_groups", "both"]),
        (on_sagemaker(tags=["project"]), ["aws.tags: 'project'", "key=value"]),
        (
            on_sagemaker(train={"instance": "g5.xlarge", "count": 1, "spot": True, "max_hours": 1}),
            ["aws.train.instance: 'g5.xlarge'", "ml.g4dn.xlarge"],
        ),
        (on_sagemaker("evaluate", "cloud"), ["compute.evaluate: 'cloud'", "one of local, endpoint, sagemaker"]),
        (on_sagemaker(poll=0), ["aws.poll: 0", "a number above 0"]),
    ],
)
def test_missing_settings_of_sagemaker_stop_the_run_before_any_job(config, expected):
    assert says(sentence(config), *expected)


def test_local_steps_need_no_settings_of_aws():
    assert checked(changed("aws.tags", ["nonsense"]), SCHEMA)
    for step, place in (
        ("tune", "sagemaker"),
        ("train", "sagemaker"),
        ("evaluate", "endpoint"),
        ("evaluate", "sagemaker"),
    ):
        assert checked(on_sagemaker(step, place), SCHEMA)["compute"][step] == place


@pytest.mark.parametrize(
    ("over", "folds"),
    [
        ({}, "auto"),
        ({"train.mode": "finetuned"}, 0),
        ({"compute.tune": "sagemaker", "aws.bucket": "flies", "aws.role": ROLE}, 0),
    ],
    ids=["a head", "a network", "on SageMaker"],
)
def test_automatic_folds_of_tuning_depend_on_the_training(over, folds):
    config = changed("tune.folds", "auto")
    for key, value in over.items():
        group, name = key.split(".")
        config[group][name] = value
    assert checked(config, SCHEMA)["tune"]["folds"] == folds
    config["tune"]["folds"] = 3
    if folds == 0:
        assert says(sentence(config), "tune.folds: ", next(iter(over)), "validation split", " 0.")
    else:
        assert checked(config, SCHEMA)["tune"]["folds"] == 3


@pytest.mark.parametrize(
    ("mode", "where", "folds"), [("frozen", "local", "auto"), ("finetuned", "local", 0), ("frozen", "sagemaker", 0)]
)
def test_networks_are_cross_validated_only_on_request(mode, where, folds):
    config = changed("crossval.folds", "auto")
    config["train"]["mode"], config["compute"]["train"] = mode, where
    if where == "sagemaker":
        config["aws"] |= {"role": "arn:aws:iam::123456789012:role/one", "bucket": "bucket"}
    assert checked(config, SCHEMA)["crossval"]["folds"] == folds
    config["crossval"]["folds"] = 4
    if where == "sagemaker":
        assert says(sentence(config), "crossval.folds: compute.train is sagemaker", " 0.")
    else:
        assert checked(config, SCHEMA)["crossval"]["folds"] == 4


def test_a_null_run_needs_heads_that_are_trained_here():
    check_null(DEFAULT)
    config = changed("train.mode", "finetuned")
    with pytest.raises(FlystageError, match="null .* train.mode frozen"):
        check_null(config)


def test_the_order_of_settings_changes_nothing():
    turned = {key: DEFAULT[key] for key in reversed(DEFAULT)}
    turned["split"] = {key: DEFAULT["split"][key] for key in reversed(DEFAULT["split"])}
    first, second = checked(DEFAULT, SCHEMA), checked(turned, SCHEMA)
    assert list(first) == list(second) and list(first["split"]) == list(second["split"])


def test_sagemaker_allows_at_most_750_trials():
    config = on_sagemaker("tune")
    config["tune"]["trials"] = 750
    checked(config, SCHEMA)
    config["tune"]["trials"] = 751
    assert says(sentence(config), "tune.trials: ", "750")
