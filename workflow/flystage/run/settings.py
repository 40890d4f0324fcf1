"""Check the configuration before any job runs, with a message that names the setting and what is allowed."""

import difflib
import os
import re

import yaml
from jsonschema import Draft202012Validator

from flystage.core.errors import FlystageError
from flystage.network.classifiers import BUNDLED, CLASSIFIERS, NAMED_WEIGHTS, TIMM, name_in_timm, patch_of
from flystage.raw.stages import times_by_stage
from flystage.raw.times import times_given
from flystage.run.config_files import check_config_file
from flystage.run.setting_types import from_command_line, refuse_not_finite, with_numbers
from flystage.run.yaml_slips import as_written

ROLE = re.compile(r"arn:aws[\w-]*:iam::\d{12}:role/[\w+=,.@/-]+")
BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
TAG = re.compile(r"[^=]{1,128}=.{0,256}")
INSTANCE = re.compile(r"ml\.[a-z0-9-]+\.[a-z0-9-]+")
MOST_TRIALS = 750  # of one tuning job of SageMaker


def typed(config, given, entries, schema_path):
    """Return the configuration in which the values of --config, which Snakemake guesses, have the types of the schema.

    config: nested dict. given: the part of it that --config sets. entries: the texts after --config, such as ["note=051"].
    """
    return from_command_line(config, given, entries, _schema(schema_path))


def checked(config, schema_path, config_files=()):
    """Return the configuration with tidy paths and checked values.

    config: nested dict. schema_path: the JSON schema, as YAML. config_files: the files it was read from, which are checked for
    YAML errors and for values that YAML misreads. Raises FlystageError with a message that names the key, what is wrong with
    it and what is allowed.
    """
    for path in config_files:
        check_config_file(path)
    refuse_not_finite(config)
    validator = Draft202012Validator(_schema(schema_path))
    config = with_numbers(_tidied(config), validator.schema)
    errors = sorted(validator.iter_errors(config), key=lambda error: [str(part) for part in error.absolute_path])
    if errors:
        raise FlystageError(_sentence(errors[0], validator.schema, config_files))
    _check_meaning(config)
    normalize = config["image"]["normalize"]
    wanted = {"multiply": ("method", "factor"), "percentile": ("method", "low", "high")}[normalize["method"]]
    config["image"]["normalize"] = {
        key: normalize[key] for key in wanted
    }  # settings of the other method have no effect
    if config["train"]["mode"] == "frozen":
        del config["train"]["finetune"]  # these have no effect either
    config["tune"]["folds"] = _folds_of_tuning(config)
    config["crossval"]["folds"] = _folds_of_crossval(config)
    return _in_order(config, validator.schema)


def _schema(path):
    with open(path, encoding="utf-8") as file:
        return yaml.safe_load(file)


def _tidied(config):
    """Return a copy in which single folders are lists and paths have no ./ or ~."""
    config = {key: dict(value) if isinstance(value, dict) else value for key, value in config.items()}

    def path(value):
        return os.path.normpath(os.path.expanduser(value)) if isinstance(value, str) and value else value

    def folders(value):
        value = [value] if isinstance(value, str) else value
        return [path(folder) for folder in value] if isinstance(value, list) else value

    config["raw"] = folders(config.get("raw"))
    config["labels"] = config.get("labels") and folders(config["labels"])
    config["accept"] = folders(config.get("accept"))
    config["results"] = path(config.get("results"))
    if isinstance(config.get("predict"), dict):
        config["predict"]["images"] = folders(config["predict"].get("images"))
        config["predict"]["checkpoint"] = path(config["predict"].get("checkpoint"))
    if isinstance(config.get("split"), dict):
        config["split"]["lock"] = path(config["split"].get("lock"))
    if isinstance(config.get("model"), dict):
        config["model"]["weights"] = path(config["model"].get("weights"))
    return config


def _in_order(config, schema):
    """Return the configuration with its keys in the order of the schema, so that their order in a file reruns nothing."""
    places = schema.get("properties", {})
    return {
        key: _in_order(config[key], places.get(key, {})) if isinstance(config[key], dict) else config[key]
        for key in sorted(config, key=lambda key: list(places).index(key) if key in places else len(places))
    }


def _sentence(error, schema, config_files):
    """Return the message for a schema error: where it is, what is wrong and what is allowed."""
    while error.validator == "anyOf":  # name the wrong entry instead of the whole list or group
        deeper = [each for each in error.context if len(each.absolute_path) > len(error.absolute_path)]
        if not deeper:
            break
        error = deeper[0]
    key = ".".join(str(part) for part in error.absolute_path)
    where = f"Configuration, {key}" if key else "Configuration"
    allowed = error.schema
    if error.validator == "additionalProperties":
        known = list(allowed["properties"])
        unknown = next(name for name in error.instance if name not in known)
        close = difflib.get_close_matches(str(unknown), known, n=1)
        hint = f"Did you mean {close[0]}?" if close else f"Allowed are {', '.join(known)}."
        return f"{where}: there is no setting {unknown!r}. {hint}"
    if error.validator == "required":
        missing = next(name for name in allowed["required"] if name not in error.instance)
        return f"{where}: the setting {missing!r} is missing. Copy it from config.yaml of the repository."
    words = _allowed(allowed, schema)
    quotes = ""
    if re.search(r"\btext\b(?! or a number)", words) and isinstance(error.instance, int | float):
        written = as_written(config_files, error.absolute_path, error.instance) or str(error.instance)
        quotes = f' Write "{written}" in quotes.'
    return f"{where}: {error.instance!r} is not allowed. It must be {words}.{quotes}"


def _allowed(allowed, schema):
    """Return in words what a part of the schema allows."""
    if "$ref" in allowed:
        named = schema["$defs"][allowed["$ref"].rsplit("/", 1)[1]]
        return _allowed(named | {key: value for key, value in allowed.items() if key != "$ref"}, schema)
    if "anyOf" in allowed:
        return ", or ".join(_allowed(choice, schema) for choice in allowed["anyOf"])
    if "enum" in allowed:
        return "one of " + ", ".join(map(str, allowed["enum"])) if len(allowed["enum"]) > 1 else str(allowed["enum"][0])
    if "const" in allowed:
        return str(allowed["const"])
    kinds = {
        "integer": "a whole number", "number": "a number", "string": "text", "array": "a list", "null": "null",
        "object": "a group of settings", "boolean": "true or false",
    }  # fmt: skip
    kind = allowed.get("type", "string")
    words = " or ".join(kinds[name] for name in ([kind] if isinstance(kind, str) else kind))
    limits = {
        "minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below",
    }  # fmt: skip
    bounds = " and ".join(f"{word} {allowed[name]}" for name, word in limits.items() if name in allowed)
    if "items" in allowed:
        number, exact = allowed.get("minItems", 0), allowed.get("minItems") == allowed.get("maxItems")
        words += (f" of {number}" + ("" if exact else " or more") if number else "") + (
            ", all different" if allowed.get("uniqueItems") else ""
        )
        words += f", each {_allowed(allowed['items'], schema)}"
    if "required" in allowed:
        words += " with " + ", ".join(allowed["required"])
    return f"{words} {bounds}".strip()


def _check_meaning(config):
    """Raise FlystageError for values that a schema cannot check, because they depend on each other or on files."""
    split = config["split"]
    total = split["train"] + split["val"] + split["test"]
    if abs(total - 1) > 1e-6:
        raise FlystageError(
            f"Configuration, split: train, val and test are shares of the images. They must sum to 1, not {total:g}."
        )
    if config["name_pattern"]:
        try:
            re.compile(config["name_pattern"])
        except re.error as error:
            raise FlystageError(
                f"Configuration, name_pattern: not a regular expression ({error}). See the examples in config.yaml."
            ) from error
    low, high = config["tune"]["learning_rate"]
    if low > high:
        raise FlystageError(
            f"Configuration, tune.learning_rate: the lowest rate comes first. Write [{high:g}, {low:g}]."
        )
    normalize = config["image"]["normalize"]
    if normalize["low"] >= normalize["high"]:
        raise FlystageError("Configuration, image.normalize: low must be below high.")
    _check_network(config["model"]["backbone"], config["model"]["weights"], config["image"]["size"])
    stages = config["stages"]
    if times := times_by_stage(stages):
        times_given(times, config["time_unit"])
    elif isinstance(stages, dict) and stages["from"] > stages["to"]:
        raise FlystageError(f"Configuration, stages: from ({stages['from']}) is after to ({stages['to']}). Swap them.")
    _check_cloud(config)


def _folds_of_tuning(config):
    """Return the folds that score a trial: a number, 0 for none, or "auto". Only heads that are trained here can have folds."""
    folds = config["tune"]["folds"]
    apart = {
        "train.mode is finetuned": config["train"]["mode"] == "finetuned",
        "compute.tune is sagemaker": config["compute"]["tune"] == "sagemaker",
    }
    reason = next((reason for reason, holds in apart.items() if holds), None)
    if folds == "auto":
        return 0 if reason else folds
    if folds and reason:
        raise FlystageError(
            f"Configuration, tune.folds: {reason}, so trials are scored on the validation split. Set tune.folds to 0."
        )
    return folds


def _folds_of_crossval(config):
    """Return the folds of cross-validation: a number, 0 for none, or "auto". A fine-tuned network needs an explicit number."""
    folds, away = config["crossval"]["folds"], config["compute"]["train"] == "sagemaker"
    if folds == "auto":
        return 0 if away or config["train"]["mode"] == "finetuned" else folds
    if folds and away:
        raise FlystageError(
            "Configuration, crossval.folds: compute.train is sagemaker, which cannot train the folds. Set crossval.folds to 0."
        )
    return folds


def check_null(config):
    """Raise FlystageError if a null run is impossible: it needs the vectors of heads that were trained here."""
    if config["train"]["mode"] == "finetuned" or config["compute"]["train"] == "sagemaker":
        raise FlystageError(
            "The target null needs train.mode frozen and compute.train local, because it trains heads again, on shuffled stages. Change"
            " these settings, or do not ask for null."
        )


def _check_network(backbone, weights, size):
    """Raise FlystageError if backbone, weights and picture size do not fit. Names of timm are not checked here."""
    if not name_in_timm(backbone) and backbone not in CLASSIFIERS:
        close = difflib.get_close_matches(backbone, [BUNDLED, *CLASSIFIERS], n=3)
        hint = f"Did you mean {' or '.join(close)}?" if close else f"Examples are {', '.join(CLASSIFIERS[::9])}."
        raise FlystageError(
            f"Configuration, model.backbone: {backbone!r} is not a usable classifier of torchvision. {hint}"
            f" For a network of timm, write {TIMM}name."
        )
    if weights == "bundled" and backbone != BUNDLED:
        raise FlystageError(
            f"Configuration, model.weights: bundled weights exist only for {BUNDLED}. Set model.backbone to it, or use other weights."
        )
    if weights not in NAMED_WEIGHTS and not os.path.isfile(weights):
        raise FlystageError(
            f"Configuration, model.weights: there is no file {weights!r}. Name an existing file or one of {', '.join(NAMED_WEIGHTS)}."
        )
    patch = patch_of(backbone)
    if patch and size % patch:
        below = size // patch * patch
        raise FlystageError(
            f"Configuration, image.size: {backbone} cuts pictures into patches of {patch} pixels. Set image.size to a multiple of"
            f" {patch}, for example {max(below, patch)} or {below + patch}."
        )


def size_of_network(config):
    """Return the picture size for a backbone of timm, which may be built for one size; None for others, which take any size."""
    return config["image"]["size"] if config["model"]["backbone"].startswith(TIMM) else None


def _check_cloud(config):
    """Raise FlystageError if a step runs on AWS and a setting that it needs is missing or wrong."""
    away = [f"compute.{step} is {place}" for step, place in config["compute"].items() if place != "local"]
    if not away:
        return
    aws = config["aws"]
    if not BUCKET.fullmatch(aws["bucket"]):
        raise FlystageError(
            f"Configuration, aws.bucket: {away[0]}, which needs the name of your S3 bucket, but {aws['bucket']!r} is not a bucket name."
        )
    if not ROLE.fullmatch(aws["role"]):
        raise FlystageError(
            f"Configuration, aws.role: {away[0]}, which needs the ARN of a role, but {aws['role']!r} is not an ARN. Write it as in"
            " arn:aws:iam::123456789012:role/flystage."
        )
    if bool(aws["subnets"]) != bool(aws["security_groups"]):
        raise FlystageError(
            "Configuration, aws: subnets and security_groups must be set together. Set both or neither."
        )
    for tag in aws["tags"]:
        if not TAG.fullmatch(tag):
            raise FlystageError(f"Configuration, aws.tags: {tag!r} does not have the form key=value. Rewrite it.")
    for step in ("tune", "train", "evaluate"):
        if not INSTANCE.fullmatch(aws[step]["instance"]):
            raise FlystageError(
                f"Configuration, aws.{step}.instance: {aws[step]['instance']!r} is not a SageMaker instance, such as ml.g4dn.xlarge."
            )
    if config["compute"]["tune"] == "sagemaker" and config["tune"]["trials"] > MOST_TRIALS:
        raise FlystageError(
            f"Configuration, tune.trials: SageMaker allows at most {MOST_TRIALS} trials in one tuning job. Lower tune.trials."
        )
