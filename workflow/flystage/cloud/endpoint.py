"""An endpoint for as long as it is needed, and not a minute longer: taken down on success, error, Ctrl-C and SIGTERM.

A state file that names it is written before it is made and deleted when it is gone, so that the next run takes down what a
kill -9 left behind; `clean_up` (`snakemake --cores 1 aws_cleanup`) finds the rest by its tag.
"""

import json
import logging
import signal
import time
from contextlib import contextmanager, suppress
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from flystage.cloud.account import Account, explained, not_found, refusal
from flystage.core.errors import FlystageError
from flystage.core.files import written_whole

log = logging.getLogger("flystage")
SETTLED = ("InService", "Failed", "OutOfService")
DELETING_MINUTES = 60  # an endpoint that is being made cannot be deleted before SageMaker has given it up
ENDINGS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
PREFIX = "flystage-"  # of all names


@contextmanager
def endpoint(account, name, model, place, state_file):
    """An endpoint that answers, by the name it has; gone when the block ends, however it ends.

    model: {"image", "data" (URI of its model.tar.gz), "environment"}. place: instance, max_hours (how long it may take to
    come up). state_file: where its name is kept while it may exist. Raises FlystageError when it does not come up.
    """
    with _ended_by_exceptions():
        take_down_left_over(account, state_file)
        with written_whole(state_file) as temporary:
            temporary.write_text(json.dumps({"endpoint": name, "region": account.session.region_name}) + "\n")
        try:
            if exists(
                account, name
            ):  # another run's, or one whose state file was lost; its name says that it is the same
                log.warning("SageMaker: an endpoint %s is there already; taking it down first", name)
                take_down(account, name)
            with explained(f"making the endpoint {name}"):
                _make(account, name, model, place)
            _wait_until_in_service(account, name, place["max_hours"])
            yield name
        finally:
            with _uninterrupted():
                take_down(account, name)
                Path(state_file).unlink(missing_ok=True)


def take_down_left_over(account, state_file):
    """Take down what the state file of an earlier run names, if there is one."""
    try:
        name = json.loads(Path(state_file).read_text(encoding="utf-8"))["endpoint"]
    except FileNotFoundError:
        return
    except (ValueError, KeyError):  # cut short by the kill, before anything was made
        Path(state_file).unlink()
        return
    log.warning("SageMaker: taking down the endpoint %s that an earlier run left behind", name)
    take_down(account, name)
    Path(state_file).unlink()


def take_down(account, name):
    """Delete the endpoint, its configuration and its model, those of them that exist.

    Raises FlystageError when something is left, with the command that deletes it.
    """
    client, left = account.sagemaker, []
    for noun, delete in (
        ("endpoint", lambda: client.delete_endpoint(EndpointName=name)),
        ("endpoint configuration", lambda: client.delete_endpoint_config(EndpointConfigName=name)),
        ("model", lambda: client.delete_model(ModelName=name)),
    ):
        try:
            _delete(delete, f"{noun} {name}")
        except (ClientError, BotoCoreError) as error:
            log.error("%s %s: %s", noun, name, refusal(error) if isinstance(error, ClientError) else error)
            left.append(noun)
    if left:
        raise FlystageError(
            f"SageMaker: {', '.join(left)} {name} could not be deleted and may cost money; run `snakemake --cores 1 aws_cleanup`"
            " when the reason above is mended."
        )
    log.info("SageMaker: endpoint, configuration and model %s are gone", name)


def exists(account, name):
    """Whether there is an endpoint, a configuration or a model of this name."""
    client = account.sagemaker
    for describe in (
        lambda: client.describe_endpoint(EndpointName=name),
        lambda: client.describe_endpoint_config(EndpointConfigName=name),
        lambda: client.describe_model(ModelName=name),
    ):
        with explained(f"asking for the endpoint {name}"):
            try:
                describe()
                return True
            except ClientError as error:
                if not not_found(error):
                    raise
    return False


def clean_up(aws):
    """Delete endpoints, their configurations and models that carry this bucket's and prefix's tag; name jobs that still run.

    aws: the configuration's section. Jobs are not stopped: they end by themselves, and a rerun takes their results.
    Returns the names that were deleted.
    """
    account = Account(aws)
    client, found = account.sagemaker, set()
    with explained("looking for what was left behind"):
        for call, entries, name in (
            ("list_endpoints", "Endpoints", "EndpointName"),
            ("list_endpoint_configs", "EndpointConfigs", "EndpointConfigName"),
            ("list_models", "Models", "ModelName"),
        ):
            for page in client.get_paginator(call).paginate(NameContains=PREFIX):
                for entry in page[entries]:
                    arn = entry[f"{name.removesuffix('Name')}Arn"]
                    if _is_ours(account, arn):
                        found.add(entry[name])
        running = [
            entry["TrainingJobName"]
            for page in client.get_paginator("list_training_jobs").paginate(
                NameContains=PREFIX, StatusEquals="InProgress"
            )
            for entry in page["TrainingJobSummaries"]
            if _is_ours(account, entry["TrainingJobArn"])
        ]
    for name in sorted(found):
        log.warning("SageMaker: taking down %s", name)
        take_down(account, name)
    if not found:
        log.warning("SageMaker: no endpoint, configuration or model of %s is left", account.tag[1])
    for name in running:
        log.warning("SageMaker: training job %s is at work; run the workflow again to take its result, or stop it by"
                    " `aws sagemaker stop-training-job --training-job-name %s`", name, name)  # fmt: skip
    return sorted(found)


def _is_ours(account, arn):
    key, value = account.tag
    pages = account.sagemaker.get_paginator("list_tags").paginate(ResourceArn=arn)
    return any(tag["Key"] == key and tag["Value"] == value for page in pages for tag in page["Tags"])


def _make(account, name, model, place):
    client = account.sagemaker
    encryption = {"KmsKeyId": account.settings["kms_key"]} if account.settings["kms_key"] else {}
    client.create_model(
        ModelName=name,
        ExecutionRoleArn=account.settings["role"],
        PrimaryContainer={
            "Image": model["image"],
            "ModelDataUrl": model["data"],
            "Environment": model["environment"],
        },
        Tags=account.tags,
        **account.vpc,
    )
    client.create_endpoint_config(
        EndpointConfigName=name,
        ProductionVariants=[
            {
                "VariantName": "AllTraffic",
                "ModelName": name,
                "InstanceType": place["instance"],
                "InitialInstanceCount": 1,
            }
        ],
        Tags=account.tags,
        **encryption,
    )
    client.create_endpoint(EndpointName=name, EndpointConfigName=name, Tags=account.tags)


def _wait_until_in_service(account, name, hours):
    deadline, last = time.monotonic() + hours * 3600, None
    while True:
        with explained(f"waiting for the endpoint {name}"):
            description = account.sagemaker.describe_endpoint(EndpointName=name)
        status = description["EndpointStatus"]
        if status != last:
            log.info("endpoint %s: %s", name, status)
            last = status
        if status == "InService":
            return
        if status in SETTLED:
            reason = " ".join(str(description.get("FailureReason", "no reason given")).split())
            raise FlystageError(
                f"SageMaker: the endpoint {name} did not come up ({reason}); its log is in CloudWatch under"
                f" /aws/sagemaker/Endpoints/{name}."
            )
        if time.monotonic() > deadline:
            raise FlystageError(
                f"SageMaker: the endpoint {name} has not come up within {hours:g} h (it is {status}); its log is in CloudWatch"
                f" under /aws/sagemaker/Endpoints/{name}."
            )
        time.sleep(account.settings["poll"])


def _delete(delete, noun):
    deadline = time.monotonic() + DELETING_MINUTES * 60
    pause = 1
    while True:
        try:
            delete()
            return
        except ClientError as error:
            if not_found(error):
                return
            busy = "in-progress" in str(error) or "in progress" in str(error)
            if not busy or time.monotonic() > deadline:
                raise
            log.info("%s is still being made and cannot be deleted yet; trying again", noun)
        time.sleep(pause)
        pause = min(2 * pause, 30)


@contextmanager
def _ended_by_exceptions():
    """Signals that end a process become exceptions, so that `finally` runs."""

    def end(number, frame):
        raise SystemExit(128 + number)

    before = {number: signal.getsignal(number) for number in ENDINGS}
    for number in ENDINGS:
        if before[number] != signal.SIG_IGN or number == signal.SIGTERM:
            signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            with suppress(TypeError):  # a handler that Python did not install
                signal.signal(number, handler)


@contextmanager
def _uninterrupted():
    """Signals that end a process wait: an impatient second Ctrl-C must not leave an endpoint running."""
    before = {number: signal.signal(number, _say_wait) for number in ENDINGS}
    try:
        yield
    finally:
        for number, handler in before.items():
            with suppress(TypeError):
                signal.signal(number, handler)


def _say_wait(number, frame):
    log.warning("SageMaker: taking the endpoint down first; please wait")
