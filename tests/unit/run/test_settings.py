"""The configuration: every mistake is one sentence that names the key and what is allowed."""

import copy
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


def test_the_configuration_of_the_repository_is_valid_and_comes_back_as_it_is():
    before = copy.deepcopy(DEFAULT)
    expected = copy.deepcopy(DEFAULT)
    expected["image"]["normalize"] = {"method": "multiply", "factor": 6}  # the other method's settings change nothing
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
        ("trainn", "Configuration: there is no setting 'trainn'; did you mean train?"),
        ("image.sise", "Configuration, image: there is no setting 'sise'; did you mean size?"),
        ("image.normalize.factr", "Configuration, image.normalize: there is no setting 'factr'; did you mean factor?"),
        ("tune.batchsize", "Configuration, tune: there is no setting 'batchsize'; did you mean batch_size?"),
        ("evaluate.zzz", "Configuration, evaluate: there is no setting 'zzz'; allowed are top_k, views, coverage."),
    ],
)
def test_a_typo_is_told_with_what_was_meant(key, expected):
    assert sentence(changed(key, 1)) == expected


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("raw", [], "raw: [] is not allowed; it must be a list of 1 or more, all different, each text."),
        ("raw", None, "raw: None is not allowed; it must be a list, all different, each text."),
        ("raw", ["a", "a"], "all different, each text."),
        ("results", 3, "results: 3 is not allowed; it must be text."),
        ("note", None, "note: None is not allowed; it must be text."),
        ("name_pattern", 3, "name_pattern: 3 is not allowed; it must be text or null."),
        (
            "stages",
            "some",
            "stages: 'some' is not allowed; it must be all, or a list of 2 or more, each text or a number, or a group",
        ),
        ("stages", ["051"], "stages: ['051'] is not allowed"),
        ("stages", {"from": 51, "to": 60}, "a group of settings with from, to, every, or a group of settings."),
        ("stages", {"dome": "soon", "bud": 3}, "'soon' is not a time for stage dome"),
        (
            "split",
            None,
            "split: None is not allowed; it must be a group of settings with train, val, test, seed, lock, test_reviewed.",
        ),
        ("split.seed", -1, "split.seed: -1 is not allowed; it must be a whole number at least 0."),
        ("split.test", 0, "split.test: 0 is not allowed; it must be a number above 0 and below 1."),
        ("buckets", 0.5, "buckets: 0.5 is not allowed; it must be a whole number at least 1 and at most 1000."),
        ("buckets", True, "buckets: True is not allowed; it must be a whole number"),
        ("max_bad", 50, "max_bad: 50 is not allowed; it must be a number at least 0 and at most 1."),
        (
            "image.size",
            "256",
            "image.size: '256' is not allowed; it must be a whole number at least 32 and at most 4096.",
        ),
        ("image.field", "all", "image.field: 'all' is not allowed; it must be auto, or a number above 0."),
        (
            "image.page",
            0,
            "image.page: 0 is not allowed; it must be one of first, middle, last, max, or a whole number at least 1.",
        ),
        (
            "image.channel",
            "red",
            "image.channel: 'red' is not allowed; it must be one of auto, max, or a whole number at least 1.",
        ),
        (
            "image.angles",
            [45, 360],
            "image.angles.1: 360 is not allowed; it must be a whole number above 0 and below 360.",
        ),
        ("image.normalize.method", "stretch", "it must be one of multiply, percentile."),
        ("model.backbone", "resnet5", "no classifier of torchvision that can be used; did you mean resnet50 or"),
        ("model.backbone", "qqq", "for example alexnet, efficientnet_b0,"),
        ("model.hidden", 512, "model.hidden: 512 is not allowed; it must be a list, each a whole number at least 1."),
        ("tune.learning_rate", [0.1, 0.2, 0.3], "it must be a list of 2, each a number above 0 and at most 1."),
        ("tune.learning_rate", 0.1, "tune.learning_rate: 0.1 is not allowed"),
        ("tune.batch_size", [], "it must be a list of 1 or more, each a whole number at least 1."),
        ("train.loss", "mse", "it must be one of ordered, cross_entropy."),
        (
            "evaluate.top_k",
            3,
            "evaluate.top_k: 3 is not allowed; it must be a list of 1 or more, all different, each a whole number at least 1.",
        ),
        ("predict.images", 3, "predict.images: 3 is not allowed; it must be a list, all different, each text."),
    ],
)
def test_a_value_that_is_not_allowed_is_told_with_what_is(key, value, expected):
    text = sentence(changed(key, value))
    assert text.startswith("Configuration, ") and expected in text


def test_a_missing_setting_is_named():
    config = copy.deepcopy(DEFAULT)
    del config["split"]["seed"]
    assert sentence(config).startswith("Configuration, split: the setting 'seed' is missing")


def test_shares_must_sum_to_1():
    assert "must sum to 1, not 1.1" in sentence(changed("split.train", 0.8))
    assert checked(changed("split.train", 0.7 + 1e-9), SCHEMA)


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("name_pattern", "(?P<stage>", "name_pattern: not a regular expression"),
        ("tune.learning_rate", [0.1, 0.01], "tune.learning_rate: the lowest comes first, so [0.01, 0.1]"),
        ("image.normalize.low", 99.9, "image.normalize: low must be below high"),
        (
            "model.weights",
            "nowhere.pt",
            "must be imagenet, pretrained, bundled, none or a file, and there is no file 'nowhere.pt'",
        ),
        ("model.weights", "bundled", "bundled weights are those of efficientnet_lite0; set model.backbone to it"),
        (
            "model.backbone",
            "timm/vit_small_patch14_dinov2",
            "patches of 14 pixels; set it to a multiple of that, for example 308 or 322",
        ),
        (
            "model.backbone",
            "vit_small_patch14_dinov2",
            "(Those of timm are written timm/name.)",
        ),
        ("evaluate.views", 3, "evaluate.views: 3 is not allowed; it must be one of 1, 2, 4"),
        ("stages", {"from": 60, "to": 51, "every": 9}, "stages: from (60) lies behind to (51)"),
    ],
)
def test_a_value_without_meaning_is_told(key, value, expected):
    assert expected in sentence(changed(key, value))


@pytest.mark.parametrize(("text", "number"), [("1e-4", 1e-4), ("1E-3", 1e-3), ("1.5e-3", 1.5e-3), ("+2e-3", 2e-3)])
def test_a_power_of_ten_that_yaml_reads_as_text_is_a_number(text, number):
    assert isinstance(yaml.safe_load(text), str) or yaml.safe_load(text) == number
    assert checked(changed("tune.learning_rate", [text, 0.01]), SCHEMA)["tune"]["learning_rate"] == [number, 0.01]
    assert checked(changed("train.weight_decay", text), SCHEMA)["train"]["weight_decay"] == number
    assert "'1e-4x' is not allowed" in sentence(changed("tune.learning_rate", ["1e-4x", 0.01]))


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
            'YAML reads 051 as the octal number 41; write "051" in quotes for the stage of that name, or 51',
        ),
        ('["051", 060]', "YAML reads 060 as the octal number 48"),
        ("\n  - 060\n  - 063", "YAML reads 060 as the octal number 48"),
        ("{from: 051, to: 195, every: 9}", "YAML reads 051 as the octal number 41"),
        ("{from: 51, to: 0144, every: 9}", "YAML reads 0144 as the octal number 100"),
        ("\n  from: 51\n  to: 195\n  every: 011", "YAML reads 011 as the octal number 9"),
    ],
)
def test_an_octal_stage_is_refused(tmp_path, stages, expected):
    over = tmp_path / "mine.yaml"
    over.write_text(f"stages: {stages}\n", encoding="utf-8")
    text = sentence(DEFAULT, over)
    assert text.startswith(f"{over}, stages: ") and expected in text


def test_an_octal_number_anywhere_is_refused(tmp_path):
    over = tmp_path / "mine.yaml"
    over.write_text("image: {angles: [045, 090]}\n", encoding="utf-8")
    assert sentence(DEFAULT, over) == f"{over}, image: YAML reads 045 as the octal number 37; write 45."


@pytest.mark.parametrize(
    "stages",
    ['["051", "060"]', "['060', 51, 0]", "{from: 51, to: 195, every: 9}", "all", "[late, early]", "[089, 098]"],
)
def test_stages_that_yaml_reads_as_written_are_fine(tmp_path, stages):
    over = tmp_path / "mine.yaml"
    over.write_text(f"stages: {stages}\n", encoding="utf-8")
    checked(DEFAULT | {"stages": yaml.safe_load(stages)}, SCHEMA, [over])


def test_an_overlay_that_is_empty_or_no_yaml(tmp_path):
    over = tmp_path / "mine.yaml"
    over.write_text("# nothing yet\n", encoding="utf-8")
    assert f"{over} is empty" in sentence(DEFAULT, over)
    over.write_text("stages: [051\n", encoding="utf-8")
    assert f"{over}, line 1: a bracket is not closed" in sentence(DEFAULT, over)
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
            "aws.bucket: compute.train is sagemaker, which needs an S3 bucket of yours; '' is no name",
        ),
        (on_sagemaker("evaluate", "endpoint", bucket="s3://flies"), "aws.bucket: compute.evaluate is endpoint"),
        (on_sagemaker("tune", role=""), "aws.role: compute.tune is sagemaker, which needs the ARN of a role"),
        (on_sagemaker(role="flystage"), "'flystage' is none"),
        (on_sagemaker(subnets=["subnet-1"]), "aws: subnets and security_groups go together"),
        (on_sagemaker(tags=["project"]), "aws.tags: 'project' is not of the form key=value"),
        (
            on_sagemaker(train={"instance": "g5.xlarge", "count": 1, "spot": True, "max_hours": 1}),
            "'g5.xlarge' is no instance",
        ),
        (on_sagemaker("evaluate", "cloud"), "it must be one of local, endpoint, sagemaker"),
        (on_sagemaker(poll=0), "aws.poll: 0 is not allowed; it must be a number above 0"),
    ],
)
def test_what_sagemaker_needs_is_told_before_any_job(config, expected):
    assert expected in sentence(config)


def test_local_steps_need_nothing_of_aws():
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
        ({}, 5),
        ({"train.mode": "finetuned"}, 0),
        ({"compute.tune": "sagemaker", "aws.bucket": "flies", "aws.role": ROLE}, 0),
    ],
    ids=["a head", "a network", "on SageMaker"],
)
def test_folds_are_as_many_as_can_be_where_they_are_left_to_the_workflow(over, folds):
    config = changed("tune.folds", "auto")
    for key, value in over.items():
        group, name = key.split(".")
        config[group][name] = value
    assert checked(config, SCHEMA)["tune"]["folds"] == folds
    config["tune"]["folds"] = 3
    if folds == 0:
        assert "where trials are scored on the validation split; set it to 0" in sentence(config)
    else:
        assert checked(config, SCHEMA)["tune"]["folds"] == 3


@pytest.mark.parametrize(
    ("mode", "where", "folds"), [("frozen", "local", "auto"), ("finetuned", "local", 0), ("frozen", "sagemaker", 0)]
)
def test_a_network_is_trained_once_more_for_each_fold_only_if_asked(mode, where, folds):
    config = changed("crossval.folds", "auto")
    config["train"]["mode"], config["compute"]["train"] = mode, where
    if where == "sagemaker":
        config["aws"] |= {"role": "arn:aws:iam::123456789012:role/one", "bucket": "bucket"}
    assert checked(config, SCHEMA)["crossval"]["folds"] == folds
    config["crossval"]["folds"] = 4
    if where == "sagemaker":
        assert "crossval.folds: compute.train is sagemaker, where the run is not trained once more" in sentence(config)
    else:
        assert checked(config, SCHEMA)["crossval"]["folds"] == 4


def test_a_null_run_needs_heads_that_are_trained_here():
    check_null(DEFAULT)
    config = changed("train.mode", "finetuned")
    with pytest.raises(FlystageError, match="needs train.mode frozen"):
        check_null(config)


def test_the_order_of_a_users_settings_changes_nothing():
    turned = {key: DEFAULT[key] for key in reversed(DEFAULT)}
    turned["split"] = {key: DEFAULT["split"][key] for key in reversed(DEFAULT["split"])}
    first, second = checked(DEFAULT, SCHEMA), checked(turned, SCHEMA)
    assert list(first) == list(second) and list(first["split"]) == list(second["split"])


def test_sagemaker_takes_so_many_trials_and_no_more():
    config = on_sagemaker("tune")
    config["tune"]["trials"] = 750
    checked(config, SCHEMA)
    config["tune"]["trials"] = 751
    assert "SageMaker takes at most 750" in sentence(config)
