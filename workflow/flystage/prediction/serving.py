"""Classify one picture per request, as an endpoint does, in four plain functions without AWS or a server.

SageMaker's containers look for these names: model_fn (folder -> model), input_fn (bytes -> picture), predict_fn
(picture -> probabilities) and output_fn (probabilities -> answer). The adapters in workflow/containers/inference call
them.
"""

import json
import os
import re
from pathlib import Path

import cv2
import numpy as np

from flystage.core.errors import UnusableTiff
from flystage.images.preparing import prepare
from flystage.network.checkpoint import angles_of, backbone_of, head_of, load_checkpoint, stages_of

CHECKPOINT = "checkpoint.pt"
PNG, TIFF = "image/png", ("image/tiff", "image/tif", "image/x-tiff")
JSON = "application/json"
VIEWS = "FLYSTAGE_VIEWS"  # environment variable with the number of views per picture
MOST_BYTES = 6 * 2**20  # SageMaker refuses larger requests


class BadRequestError(Exception):
    """A request that cannot be answered. status: the HTTP status, 400 to 499. The text says what is wrong."""

    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


def model_fn(folder):
    """Load checkpoint.pt from a folder.

    Returns a dict with the network, on a GPU if available, the checkpoint and the number of views.
    Raises FlystageError if the file is not a checkpoint.
    """
    import torch

    from flystage.network.backbones import loaded_backbone
    from flystage.network.stager import Stager

    checkpoint = load_checkpoint(Path(folder) / CHECKPOINT)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = Stager(loaded_backbone(backbone_of(checkpoint)), head_of(checkpoint))
    return {"network": network.eval().to(device), "checkpoint": checkpoint, "views": int(os.environ.get(VIEWS, 1))}


def input_fn(data, content_type):
    """Return the bytes of a request and its media type, for `predict_fn`, which prepares TIFs.

    Raises BadRequestError for an empty body (400), a body that is too large (413) and a type other than PNG or TIF
    (415).
    """
    kind = (content_type or "").split(";")[0].strip().lower()
    if kind != PNG and kind not in TIFF:
        raise BadRequestError(
            415, f"Media type {content_type!r} is not supported. Send a PNG as {PNG} or a TIF as {TIFF[0]}."
        )
    data = bytes(data or b"")
    if not data:
        raise BadRequestError(400, "The request is empty. Send the bytes of a PNG or TIF.")
    if len(data) > MOST_BYTES:
        raise BadRequestError(
            413, f"The request has {len(data)} bytes, more than the limit of {MOST_BYTES}. Send a prepared PNG."
        )
    return data, kind


def predict_fn(request, model):
    """Return the Stages and the probability of each stage, float64 array (stages,).

    request: from `input_fn`. model: from `model_fn`.
    Raises BadRequestError (400) for bytes that are not a picture, or not one that the network can classify.
    """
    import torch

    from flystage.network.averaging import averaged
    from flystage.network.features import turns_to_ask
    from flystage.prediction.inference import finite

    checkpoint, network = model["checkpoint"], model["network"]
    picture = _picture(*request, checkpoint["image"])
    device = next(network.parameters()).device
    with torch.inference_mode():
        turned = np.stack([np.rot90(picture, turn) for turn in turns_to_ask(model["views"], angles_of(checkpoint))])
        scores = network(torch.from_numpy(turned).to(device))
        probabilities = averaged(scores[:, None], checkpoint["calibration"]["temperature"])[0].cpu().numpy()
    return stages_of(checkpoint), finite(probabilities)


def output_fn(prediction, accept):
    """Return the answer as JSON text.

    It has stages, times, unit and probabilities in class order, and top_k, the first suggestions.
    accept: requested media type. `application/json; top_k=3` requests three suggestions instead of all.
    Raises BadRequestError (406) if the request accepts no JSON.
    """
    wanted = (accept or JSON).lower()
    if not re.search(r"application/json|\*/\*", wanted):
        raise BadRequestError(406, f"The answer is {JSON}, but the request accepts only {accept!r}.")
    stages, probabilities = prediction
    number = re.search(r"top_k\s*=\s*(\d+)", wanted)
    first = np.argsort(-probabilities, kind="stable")[: int(number.group(1)) if number else None]
    return json.dumps(
        {
            **stages.record(),
            "probabilities": probabilities.tolist(),
            "top_k": [{"stage": stages.names[place], "p": float(probabilities[place])} for place in first],
        }
    )


def answer(data, content_type, accept, model):
    """Call the four functions in a row, for servers without separate hooks. Return the JSON text for one request."""
    return output_fn(predict_fn(input_fn(data, content_type), model), accept)


def _picture(data, kind, image):
    """Return the picture to classify, prepared like the training images, uint8 array (size, size)."""
    if kind != PNG:
        try:
            return prepare(data, image, [0])[0][0]
        except UnusableTiff as reason:
            raise BadRequestError(400, f"The TIF is unusable: {reason}") from reason
    if data[:8] != b"\x89PNG\r\n\x1a\n":
        raise BadRequestError(400, "The bytes are not a PNG, although their media type is image/png.")
    width, height = int.from_bytes(data[16:20]), int.from_bytes(data[20:24])
    if (width, height) != (image["size"], image["size"]):  # checked before decoding, which could fill the memory
        raise BadRequestError(
            400,
            f"The PNG has {width} x {height} pixels, but each side must have {image['size']}. Send a prepared PNG or the raw TIF.",
        )
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    if picture is None:
        raise BadRequestError(400, "The PNG is damaged. Send it again.")
    return picture
