"""Read and write checkpoints: weights, architecture, stages in order with their times, preprocessing and calibration."""

import torch

from flystage.core.errors import FlystageError, first_line
from flystage.core.fields import (
    Rule,
    check_fields,
    either,
    is_plain,
    line,
    number,
    one_of,
    optional,
    positive,
    several,
    text,
    whole,
)
from flystage.core.files import written_whole
from flystage.core.tensor_files import check_tensors, read_tensors
from flystage.network.backbones import check_fit, check_shapes
from flystage.network.offsets import EmbryoOffset
from flystage.network.stager import Head
from flystage.network.weights import ABOUT, BEFORE_POOLING, check_id, without_folder
from flystage.raw.stages import PLACES, Stages
from flystage.raw.times import UNITS

FORMAT = 7
# Format 2 lacks the licence of the backbone's weights, up to 3 all times are minutes, up to 4 there is no calibration, and 5
# cannot detect out-of-distribution images.
FORMATS = whole(2, FORMAT)
# Of a network without out-of-fold predictions.
CALIBRATION = {"temperature": 1.0, "sets": None, "interval": None, "adapted": None}
SETS = ("asked", "promised", "threshold", "contiguous")
INTERVAL = ("asked", "promised", "reach")

PARTS = ("backbone.", "head.")  # of a state
SHARE, TIME = number(0, 1), number(-1e12, 1e12)
MANY = 10_000  # a limit for stages and times that no real data set reaches
NORMALIZE = {  # by method
    "multiply": {"factor": positive(1e9)},
    "percentile": {"low": number(0, 100), "high": number(0, 100)},
}
A_RECORD_OR_NONE = either(one_of(None), Rule(lambda value: isinstance(value, dict), "a record"))
FIELDS = {  # the fields of a checkpoint that are read
    "backbone": ABOUT,
    "hidden": several(whole(1, 2**20), 0, 100),
    "stages": several(line(255, r".*\S.*", "a name of one line"), 1, MANY),
    "times": optional(either(one_of(None), several(TIME, 1, MANY))),
    "minutes": optional(either(one_of(None), several(TIME, 1, MANY))),
    "unit": optional(one_of(None, PLACES, *UNITS)),
    "image": {
        "size": whole(32, 4096),
        "field": either(one_of("auto"), positive(1e6)),
        "normalize": {"method": one_of(*NORMALIZE)},
        "white": either(one_of("auto"), positive(1e38)),
        "float_white": optional(either(one_of(None), positive(1e38))),
        "series": optional(either(one_of("auto"), whole(1, 10**9))),
        "page": either(one_of("first", "middle", "last", "max"), whole(1, 10**9)),
        "channel": either(one_of("auto", "max"), whole(1, 10**9)),
        "max_pixels": whole(1, 10**12),
        "max_blank": optional(SHARE),
        "min_levels": optional(whole(2, 256)),
        "angles": optional(several(number(0, 360), 0, 360)),
    },
    "training": {"note": optional(text())},
    "calibration": {"temperature": number(0.001, 1000)},
    "offset": A_RECORD_OR_NONE,
}
WHERE_THERE_ARE = {  # parts of the calibration that may be None
    "sets": {"asked": SHARE, "promised": SHARE, "threshold": SHARE, "contiguous": one_of(True, False)},
    "interval": {"asked": SHARE, "promised": SHARE, "reach": number(0, 1e12)},
}
OFFSET = {"components": whole(1, 2**20), "kappa": number(0, 1e6)}
LIKENESS = {"threshold": number(0, 1e9)}
FINETUNED = {"settings": {"finetune": {"augment": {"rotation": number(0, 360)}}}}


def save_checkpoint(path, backbone, head, stages, image, training):
    """Write a checkpoint that loads with weights_only=True.

    backbone: as `fetch_weights` writes it. head: the trained Head. stages: the Stages. image: that section of the configuration.
    training: the settings and data of the training, for the record (plain values only).
    """
    state = {f"backbone.{key}": value for key, value in backbone["state"].items()}
    state |= {f"head.{key}": value for key, value in head.state_dict().items()}
    with written_whole(path) as temporary:
        torch.save(
            {
                "format": FORMAT,
                "backbone": {key: backbone[key] for key in ABOUT},
                "hidden": list(head.hidden),
                **stages.record(),
                "image": image,
                "training": training,
                "calibration": CALIBRATION,
                "likeness": None,
                "offset": head.offset and {"components": head.offset.means.shape[1], "kappa": head.offset.kappa},
                "state": state,
            },
            temporary,
        )


def load_checkpoint(path):
    """Return the dict that `save_checkpoint` wrote, on the CPU, with fields added that older formats lack.

    All fields are checked: their types, sizes and ranges, whether the parts fit together, and whether the id fits the weights.
    Raises FlystageError if the file is missing, is not a checkpoint, or has an impossible value.
    """
    try:
        checkpoint = read_tensors(path)
    except FileNotFoundError as error:
        raise FlystageError(
            f"There is no checkpoint {path}. Train one with `snakemake --cores all`, or correct the path."
        ) from error
    except (OSError, ValueError) as error:
        raise FlystageError(
            f"{path} is not a checkpoint of this workflow, or it is damaged ({error}). Copy it again, or train a new one."
        ) from error
    if type(checkpoint) is not dict or not FORMATS.fits(checkpoint.get("format")):
        raise FlystageError(f"{path} is not a checkpoint of this version of the workflow. Train a new one.")
    try:
        checkpoint = _with_what_its_format_lacks(checkpoint)
        _check(checkpoint, path)
    except ValueError as error:
        raise FlystageError(
            f"The checkpoint {path} is unusable, because {error}. Copy it again from its source, or train a new one."
        ) from error
    checkpoint["backbone"] |= {"source": without_folder(checkpoint["backbone"]["source"])}
    checkpoint["training"].setdefault("note", "")
    # Copy the tensors out of the mapped file, which may be replaced while they are used.
    checkpoint["state"] = {key: value.clone() for key, value in checkpoint["state"].items()}
    if checkpoint["likeness"]:
        checkpoint["likeness"]["reference"] = checkpoint["likeness"]["reference"].clone()
    return checkpoint


def _with_what_its_format_lacks(checkpoint):
    lacking = {} if checkpoint["format"] >= 5 else {"calibration": CALIBRATION}
    lacking |= {} if checkpoint["format"] >= 6 else {"likeness": None}
    lacking |= {} if checkpoint["format"] >= 7 else {"offset": None}
    checkpoint = lacking | checkpoint
    if checkpoint["format"] < 3 and isinstance(checkpoint.get("backbone"), dict):
        checkpoint["backbone"] = {"licence": ""} | checkpoint["backbone"]
    if checkpoint["format"] < 7 and isinstance(checkpoint.get("backbone"), dict):
        checkpoint["backbone"] = BEFORE_POOLING | checkpoint["backbone"]
    if checkpoint["format"] < 7 and isinstance(checkpoint.get("calibration"), dict):
        checkpoint["calibration"] = CALIBRATION | checkpoint["calibration"]
    return checkpoint


def _check(checkpoint, path):
    """Raise ValueError, in a few words, for the first impossible value in a checkpoint. path: of its file."""
    if not is_plain({key: value for key, value in checkpoint.items() if key not in ("state", "likeness")}):
        raise ValueError("it contains too many values, or others than tensors and plain values")
    check_fields(checkpoint, FIELDS)
    normalize, calibration = checkpoint["image"]["normalize"], checkpoint["calibration"]
    check_fields(normalize, NORMALIZE[normalize["method"]], "image.normalize.")
    if normalize["method"] == "percentile" and normalize["low"] >= normalize["high"]:
        raise ValueError("image.normalize.low is not below image.normalize.high")
    check_fields(calibration, {"adapted": A_RECORD_OR_NONE}, "calibration.")
    for where, of in (("calibration.", calibration), ("calibration.adapted.", calibration["adapted"])):
        if of is None:
            continue
        check_fields(of, FIELDS["calibration"], where)
        for name, rules in WHERE_THERE_ARE.items():
            if of.get(name, ...) is not None:
                check_fields(of.get(name), rules, f"{where}{name}.")
    settings = checkpoint["training"].get("settings", {})
    if not isinstance(settings, dict) or settings.get("mode") == "finetuned":
        check_fields(checkpoint["training"], FINETUNED, "training.")
    try:
        stages_of(checkpoint)
    except (KeyError, ValueError) as error:
        raise ValueError(f"its stages, times and unit do not fit together ({first_line(error)})") from error
    state = checkpoint.get("state")
    if type(state) is not dict or not all(type(key) is str and key.startswith(PARTS) for key in state):
        raise ValueError("its weights are missing, or not only those of backbone and head")
    check_tensors(state, path)
    check_id(backbone_of(checkpoint))
    features = check_fit(backbone_of(checkpoint))
    _check_head(checkpoint, features)
    _check_likeness(checkpoint, features, path)


def _check_head(checkpoint, features):
    state = _part(checkpoint["state"], "head.")
    if checkpoint["offset"] is not None:
        check_fields(checkpoint["offset"], OFFSET, "offset.")
    with torch.device("meta"):
        expected = _empty_head(features, checkpoint).state_dict()
    check_shapes(state, expected, "head of these features, hidden layers and stages")
    if not (state["std"] > 0).all():
        raise ValueError("its head contains standard deviations of zero")


def _check_likeness(checkpoint, features, path):
    if checkpoint.get("likeness", ...) is None:
        return
    check_fields(checkpoint.get("likeness"), LIKENESS, "likeness.")
    reference = checkpoint["likeness"].get("reference")
    check_tensors({"likeness.reference": reference}, path)
    if not reference.is_floating_point() or reference.ndim != 2 or not len(reference) or reference.shape[1] != features:
        raise ValueError(f"likeness.reference does not contain vectors of {features} features")


def calibrate_checkpoint(checkpoint, record, likeness, path):
    """Write a checkpoint to `path` with the calibration from its cross-validation.

    checkpoint: the dict from `load_checkpoint`. record: evaluation/crossval.json as a dict, or None. The calibration of a checkpoint
    has "temperature", see `fitted_temperature`, "sets", see `prediction_sets`, and "interval", see `time_intervals`. The latter two
    are None if nothing can be promised. It is that of pictures alone; "adapted" has the same for pictures whose embryo's offset was
    taken out, or is None. likeness: see `likeness_of_network`.
    """
    if record and record["calibration"]:
        shown = _calibration(record)
        alone = record.get("alone")
        checkpoint["calibration"] = (_calibration(alone) | {"adapted": shown}) if alone else (shown | {"adapted": None})
    with written_whole(path) as temporary:
        torch.save(checkpoint | {"format": FORMAT, "likeness": likeness}, temporary)


def _calibration(record):
    return {
        "temperature": record["calibration"]["temperature"],
        "sets": record["sets"] and {key: record["sets"][key] for key in SETS},
        "interval": record["interval"] and {key: record["interval"][key] for key in INTERVAL},
    }


def stages_of(checkpoint):
    """Return the checkpoint's Stages."""
    return Stages.of_record(checkpoint)


def angles_of(checkpoint):
    """Return the angles in degrees of the training images: those that were stored, or all after fine-tuning with any rotation."""
    settings = checkpoint["training"].get("settings", {})
    if settings.get("mode") == "finetuned" and settings["finetune"]["augment"]["rotation"] >= 180:
        return range(360)
    return checkpoint["image"].get("angles", [])


def backbone_of(checkpoint):
    """Return the checkpoint's backbone as `feature_vectors` takes it."""
    return checkpoint["backbone"] | {"state": _part(checkpoint["state"], "backbone.")}


def head_of(checkpoint):
    """Return the checkpoint's Head with its weights, in evaluation mode."""
    state = _part(checkpoint["state"], "head.")
    head = _empty_head(state["mean"].shape[0], checkpoint)
    head.load_state_dict(state)
    return head.eval()


def _empty_head(features, checkpoint):
    stages, hidden, offset = len(checkpoint["stages"]), checkpoint["hidden"], checkpoint["offset"]
    head = Head(features, hidden, stages, parts=checkpoint["backbone"]["parts"])
    if offset:
        head.offset = EmbryoOffset(features, offset["components"], hidden, stages, offset["kappa"])
    return head


def _part(state, prefix):
    return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
