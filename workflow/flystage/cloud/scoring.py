"""Classify the test images on SageMaker: by an endpoint that receives the bytes of each image, or by a job."""

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from botocore.exceptions import ClientError
from tqdm import tqdm

from flystage.cloud import packing, sdk, source, storage
from flystage.cloud.account import Account, check_bucket, explained
from flystage.cloud.endpoint import endpoint
from flystage.core.errors import FlystageError
from flystage.prediction.serving import VIEWS
from flystage.raw.stages import Stages

log = logging.getLogger("flystage")
TYPES = {".png": "image/png", ".tif": "image/tiff", ".tiff": "image/tiff"}
FRAMEWORK = {"framework": "pytorch", "version": "2.6", "py_version": "py312"}  # AWS's last one, see docs/aws.md


def score_by_job(checkpoint, pngs, views, aws, backbone):
    """Return (Stages, probabilities as an array (len(pngs), stages)) of PNG files, computed by a job.

    checkpoint: path. views: number of views of each picture, see `turns_to_ask`. aws: the configuration's section.
    backbone: name of the checkpoint's network. Raises FlystageError if AWS refuses a request, the job fails or its result is
    missing.
    """
    place = aws["evaluate"]
    sdk.announce("scoring", place)
    account = Account(aws)
    check_bucket(account)
    packed = packing.packed_scoring(account, checkpoint, pngs, views)
    name, uri = sdk.run_training(account, "score", "training/score.py", backbone, packed, place)
    found = storage.fetch_members(account, uri, {"scores.json": None})
    if found is None:
        raise FlystageError(
            f"SageMaker: the result of scoring job {name} is missing from the bucket. Run the same command again."
        )
    scores = json.loads(found["scores.json"])
    return Stages.of_record(scores), np.array(scores["probabilities"])


def score_by_endpoint(checkpoint, pictures, views, aws, backbone, state_file):
    """Return the same as `score_by_job`, computed by an endpoint that exists only for this call.

    pictures: PNG or TIF files, whose bytes are sent unchanged. state_file: see `endpoint`. The rest: see `score_by_job`. Raises
    FlystageError if AWS refuses a request, the endpoint does not start or it cannot classify an image.
    """
    place = aws["evaluate"]
    log.warning(
        "SageMaker, scoring: an endpoint of 1 x %s, deleted after %d images. Its start may take up to %g h",
        place["instance"], len(pictures), place["max_hours"],
    )  # fmt: skip
    account = Account(aws)
    check_bucket(account)
    data, checksum = model_archive(account, checkpoint, backbone)
    model = {
        "image": _image(account, place["instance"]),
        "data": data,
        "environment": {
            "SAGEMAKER_PROGRAM": "inference.py",
            "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
            VIEWS: str(views),
        },
    }
    name = f"flystage-score-{source.digest(checksum, account.tag[1], views)}"
    with endpoint(account, name, model, place, state_file):
        return _answers(account, name, pictures, place["parallel"])


def model_archive(account, checkpoint, backbone):
    """Upload the model.tar.gz of a checkpoint unless the bucket has it, and return (URI, checksum).

    The archive works in PyTorch's inference image and in Ray Serve's. backbone: name of the checkpoint's network.
    """
    code = source.source_files("inference/inference.py", backbone, "requirements.txt")
    deployment = source.source_files("inference/deployment.py", backbone, "config.yaml")
    files = {f"code/{name}": path for name, path in code.items()} | deployment
    checksum = source.digest(storage.content_name(checkpoint), source.archive(files))
    name = f"{checksum}.tar.gz"
    with explained(f"looking for {account.uri('models', name)}"):
        there = storage.listed(account, "models").get(name)
    if not there:
        log.info("uploading the model as %s", account.uri("models", name))
        storage.put(account, source.archive(files | {"checkpoint.pt": checkpoint}), "models", name)
    return account.uri("models", name), checksum


def _image(account, instance):
    if account.settings["inference_image"] != "auto":
        return account.settings["inference_image"]
    account.sdk_session()
    from sagemaker.core import image_uris

    return image_uris.retrieve(
        region=account.session.region_name, instance_type=instance, image_scope="inference", **FRAMEWORK
    )


def _answers(account, name, pictures, together):
    client = account.runtime

    def ask(picture):
        path = Path(picture)
        try:
            answer = client.invoke_endpoint(
                EndpointName=name,
                Body=storage.read(path),
                ContentType=TYPES[path.suffix.lower()],
                Accept="application/json; top_k=6",
            )
        except ClientError as error:
            if error.response["Error"].get("Code") == "ModelError":
                status = error.response.get("OriginalStatusCode")
                said = " ".join(str(error.response.get("OriginalMessage") or error).split())[:300]
                raise FlystageError(
                    f"SageMaker: the endpoint could not classify {picture} ({status}: {said}). Read its log in CloudWatch under"
                    f" /aws/sagemaker/Endpoints/{name}."
                ) from error
            raise
        return json.loads(answer["Body"].read())

    with (
        explained(f"asking the endpoint {name}"),
        ThreadPoolExecutor(together) as pool,
        tqdm(total=len(pictures), unit="image", desc="endpoint", disable=None) as progress,
    ):
        answers = []
        try:
            for reply in pool.map(ask, pictures):
                answers.append(reply)
                progress.update()
        except BaseException:
            pool.shutdown(cancel_futures=True)  # the endpoint costs money while it answers useless requests
            raise
    log.info("the endpoint answered for %d images", len(answers))
    return Stages.of_record(answers[0]), np.array([answer["probabilities"] for answer in answers])
