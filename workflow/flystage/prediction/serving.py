"""Staging one picture per request: what an endpoint does, in four plain functions that need neither AWS nor a server.

model_fn (folder -> model), input_fn (bytes -> picture), predict_fn (picture -> probabilities), output_fn (-> answer) are the
names that SageMaker's containers look for. The adapters in workflow/containers/inference call them.
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
VIEWS = "FLYSTAGE_VIEWS"  # the environment variable that says in how many views a picture is asked about
MOST_BYTES = 6 * 2**20  # SageMaker refuses larger requests itself


class BadRequestError(Exception):
    """A request that cannot be answered. status: the HTTP status, 400 to 499. Its text says what is wrong with it."""

    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


def model_fn(folder):
    """The model in a folder that holds checkpoint.pt: a dict with the network, on a GPU if there is one, the checkpoint and the
    number of views.

    Raises FlystageError when the file is no checkpoint.
    """
    import torch

    from flystage.network.backbones import loaded_backbone
    from flystage.network.stager import Stager

    checkpoint = load_checkpoint(Path(folder) / CHECKPOINT)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = Stager(loaded_backbone(backbone_of(checkpoint)), head_of(checkpoint))
    return {"network": network.eval().to(device), "checkpoint": checkpoint, "views": int(os.environ.get(VIEWS, 1))}


def input_fn(data, content_type):
    """(bytes of a request, its media type) for `predict_fn`: what it means to prepare a TIF only the checkpoint knows.

    Raises BadRequestError for an empty body (400), one that is too large (413) and a type that is neither PNG nor TIF (415).
    """
    kind = (content_type or "").split(";")[0].strip().lower()
    if kind != PNG and kind not in TIFF:
        raise BadRequestError(415, f"send a PNG as {PNG} or a TIF as {TIFF[0]}, not {content_type!r}")
    data = bytes(data or b"")
    if not data:
        raise BadRequestError(400, "the request holds no bytes")
    if len(data) > MOST_BYTES:
        raise BadRequestError(413, f"the request holds {len(data)} bytes, more than the {MOST_BYTES} that are allowed")
    return data, kind


def predict_fn(request, model):
    """Stages and the probability of each, for one request as `input_fn` gives it.

    Returns (the Stages, float64 array (stages,)).
    Raises BadRequestError (400) for bytes that are no picture, or none that the network can stage.
    """
    import torch

    from flystage.network.features import turns_to_ask
    from flystage.network.stager import averaged
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
    """The answer as JSON text: stages, times, unit and probabilities in class order, and top_k, the first suggestions.

    accept: the media type that is asked for; `application/json; top_k=3` asks for three suggestions instead of all.
    Raises BadRequestError (406) when something else than JSON is asked for.
    """
    wanted = (accept or JSON).lower()
    if not re.search(r"application/json|\*/\*", wanted):
        raise BadRequestError(406, f"the answer is {JSON}, not {accept!r}")
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
    """The four functions in a row, for servers that have no place for each of them: the JSON text for one request."""
    return output_fn(predict_fn(input_fn(data, content_type), model), accept)


def _picture(data, kind, image):
    """The picture that the network is to stage, uint8 array (size, size), prepared as the training images were."""
    if kind != PNG:
        try:
            return prepare(data, image, [0])[0][0]
        except UnusableTiff as reason:
            raise BadRequestError(400, f"the TIF cannot be used: {reason}") from reason
    if data[:8] != b"\x89PNG\r\n\x1a\n":
        raise BadRequestError(400, "the bytes are not a PNG, as their media type says")
    width, height = int.from_bytes(data[16:20]), int.from_bytes(data[20:24])
    if (width, height) != (image["size"], image["size"]):  # looked at before it is unpacked
        raise BadRequestError(
            400,
            f"a PNG must be prepared: {image['size']} pixels wide and high, not {width} x {height}; or send the TIF",
        )
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    if picture is None:
        raise BadRequestError(400, "the PNG is damaged")
    return picture
