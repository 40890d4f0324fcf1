"""The test images staged on SageMaker: by an endpoint that gets each image's own bytes, or by a job."""

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
FRAMEWORK = {"framework": "pytorch", "version": "2.6", "py_version": "py312"}  # the last one; see docs/aws.md


def score_by_job(checkpoint, pngs, views, aws, backbone):
    """(the Stages, probabilities as an array (len(pngs), stages)) of PNG files, computed by a job.

    checkpoint: path. views: in how many each is asked about, see `turns_to_ask`. aws: the configuration's section.
    backbone: name of the checkpoint's network. Raises FlystageError.
    """
    place = aws["evaluate"]
    sdk.announce("scoring", place)
    account = Account(aws)
    check_bucket(account)
    packed = packing.packed_scoring(account, checkpoint, pngs, views)
    name, uri = sdk.run_training(account, "score", "training/score.py", backbone, packed, place)
    found = storage.fetch_members(account, uri, {"scores.json": None})
    if found is None:
        raise FlystageError(f"SageMaker: the result of scoring job {name} is gone from the bucket; run again.")
    scores = json.loads(found["scores.json"])
    return Stages.of_record(scores), np.array(scores["probabilities"])


def score_by_endpoint(checkpoint, pictures, views, aws, backbone, state_file):
    """The same by an endpoint, which is there for this alone. pictures: PNG or TIF files, each sent as its own bytes."""
    place = aws["evaluate"]
    log.warning(
        "SageMaker, scoring: an endpoint of 1 x %s, taken down after %d images; it may take %g h to come up",
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
    """(URI, checksum) of the model.tar.gz for a checkpoint: it serves in PyTorch's inference image and in Ray Serve's.

    backbone: name of the checkpoint's network.
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
                    f"SageMaker: the endpoint cannot stage {picture} ({status}: {said}); its log is in CloudWatch under"
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
            pool.shutdown(cancel_futures=True)  # the endpoint costs money while the rest is asked in vain
            raise
    log.info("the endpoint answered for %d images", len(answers))
    return Stages.of_record(answers[0]), np.array([answer["probabilities"] for answer in answers])
