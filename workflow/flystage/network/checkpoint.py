"""The one artifact: weights, architecture, classes in order with their times, and the preprocessing."""

import torch

from flystage.core.errors import FlystageError
from flystage.core.files import written_whole
from flystage.network.stager import Head
from flystage.raw.stages import Stages

FORMAT = 6
# 2 lacks the licence of the backbone's weights; until 3 all times were minutes; until 4 none is calibrated; 5 knows nothing unlike.
READABLE = (2, 3, 4, 5, FORMAT)
# Of a network about which no out-of-fold answers are known.
CALIBRATION = {"temperature": 1.0, "sets": None, "interval": None}
SETS = ("asked", "promised", "threshold", "contiguous")
INTERVAL = ("asked", "promised", "reach")


def save_checkpoint(path, backbone, head, stages, image, training):
    """Write a checkpoint that loads with weights_only=True.

    backbone: as `fetch_weights` writes it. head: the trained Head. stages: the Stages. image: the configuration's section.
    training: what it came from, for the record (plain values only).
    """
    state = {f"backbone.{key}": value for key, value in backbone["state"].items()}
    state |= {f"head.{key}": value for key, value in head.state_dict().items()}
    with written_whole(path) as temporary:
        torch.save(
            {
                "format": FORMAT,
                "backbone": {key: backbone[key] for key in ("name", "source", "licence", "id", "mean", "std", "size")},
                "hidden": list(head.hidden),
                **stages.record(),
                "image": image,
                "training": training,
                "calibration": CALIBRATION,
                "likeness": None,
                "state": state,
            },
            temporary,
        )


def load_checkpoint(path):
    """A checkpoint's dict as `save_checkpoint` wrote it, on the CPU. Raises FlystageError when the file is none."""
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise FlystageError(
            f"There is no checkpoint {path}: train one with `snakemake --cores all`, or correct the path."
        ) from error
    except Exception as error:  # torch raises many kinds for a file that is not its own
        raise FlystageError(
            f"{path} is not a checkpoint of this workflow, or it is damaged; copy or train it again."
        ) from error
    if not isinstance(checkpoint, dict) or checkpoint.get("format") not in READABLE:
        raise FlystageError(f"{path} is not a checkpoint of this version of the workflow; train it again.")
    checkpoint["backbone"].setdefault("licence", "")
    checkpoint["calibration"] = CALIBRATION | checkpoint.get("calibration", {})
    checkpoint.setdefault("likeness", None)
    return checkpoint


def calibrate_checkpoint(checkpoint, record, likeness, path):
    """Write a checkpoint to `path` with what its cross-validation says of it.

    checkpoint: as `load_checkpoint` gives it. record: evaluation/crossval.json as a dict, or None. The calibration of a checkpoint has
    "temperature", see `fitted_temperature`, "sets", see `prediction_sets`, and "interval", see `time_intervals`, the latter two None
    where nothing can be promised. likeness: see `likeness_of_network`.
    """
    if record and record["calibration"]:
        checkpoint["calibration"] = {
            "temperature": record["calibration"]["temperature"],
            "sets": record["sets"] and {key: record["sets"][key] for key in SETS},
            "interval": record["interval"] and {key: record["interval"][key] for key in INTERVAL},
        }
    with written_whole(path) as temporary:
        torch.save(checkpoint | {"format": FORMAT, "likeness": likeness}, temporary)


def stages_of(checkpoint):
    """The checkpoint's Stages."""
    return Stages.of_record(checkpoint)


def angles_of(checkpoint):
    """Angles in degrees at which the network was shown its training images: those stored, or any that a fine-tuning drew."""
    settings = checkpoint["training"].get("settings", {})
    if settings.get("mode") == "finetuned" and settings["finetune"]["augment"]["rotation"] >= 180:
        return range(360)
    return checkpoint["image"].get("angles", [])


def backbone_of(checkpoint):
    """The checkpoint's backbone as `feature_vectors` takes it."""
    return checkpoint["backbone"] | {"state": _part(checkpoint["state"], "backbone.")}


def head_of(checkpoint):
    """The checkpoint's Head, ready to answer."""
    state = _part(checkpoint["state"], "head.")
    head = Head(state["mean"].shape[0], checkpoint["hidden"], len(checkpoint["stages"]))
    head.load_state_dict(state)
    return head.eval()


def _part(state, prefix):
    return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
