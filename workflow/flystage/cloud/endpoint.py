"""Create an endpoint for one evaluation and always delete it afterwards: on success, error, Ctrl-C and SIGTERM.

A state file with its name is written before the endpoint is created and deleted after it. If a run is killed (kill -9), the
next run deletes the endpoint that the state file names. `clean_up` (`snakemake --cores 1 aws_cleanup`) finds all others by
their tag. A name in a file proves nothing, so flystage never deletes anything without its tag.
"""

import logging
import re
import signal
import time
from contextlib import contextmanager, suppress
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from flystage.cloud.account import Account, explained, not_found, refusal
from flystage.core.errors import FlystageError
from flystage.core.records import read_json, write_json

log = logging.getLogger("flystage")
SETTLED = ("InService", "Failed", "OutOfService")
DELETING_MINUTES = 60  # SageMaker does not delete an endpoint while it creates it
ENDINGS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
PREFIX = "flystage-"  # of all names
VERSION = 1  # of the state file
NAME = re.compile(rf"{PREFIX}[a-zA-Z0-9-]{{1,54}}")
REGION = re.compile(r"[a-z]{2,}(-[a-z]+)+-\d+")
# Parts of an endpoint in the order of deletion: {name in boto3's calls: noun for messages}.
PARTS = {"endpoint": "endpoint", "endpoint_config": "endpoint configuration", "model": "model"}


@contextmanager
def endpoint(account, name, model, place, state_file):
    """Create an endpoint, yield its name when it answers, and delete it when the block ends, also after an error.

    model: {"image", "data" (URI of its model.tar.gz), "environment"}. place: instance, max_hours (how long the start may take,
    in hours). state_file: path of the file that holds its name while it may exist. Raises FlystageError if the endpoint does
    not start, or if something without our tag has the same name.
    """
    with _ended_by_exceptions():
        take_down_left_over(account, state_file)
        with explained(f"asking for the endpoint {name}"):
            there = _tags_of_parts(account, name)
        if foreign := _foreign(account, there):
            nouns = ", ".join(PARTS[part] for part in foreign)
            raise FlystageError(
                f"SageMaker: {name} already exists ({nouns}) without the tag {'='.join(account.tag)}, so flystage did not"
                " delete it. If it is yours, delete it and run the same command again."
            )
        identity = {"region": account.session.region_name, "account": account.number}
        write_json({"version": VERSION, "endpoint": name} | identity, state_file)
        asked_for = set()
        try:
            if there:  # of another run, or its state file was lost. The name proves that it serves the same model.
                log.warning("SageMaker: the endpoint %s already exists. flystage deletes it first", name)
                take_down(account, name)
            with explained(f"creating the endpoint {name}"):
                _make(account, name, model, place, asked_for)
            _wait_until_in_service(account, name, place["max_hours"])
            yield name
        finally:
            with _uninterrupted():
                take_down(account, name, asked_for)
                Path(state_file).unlink(missing_ok=True)


def take_down_left_over(account, state_file, searched=False):
    """Delete the endpoint that the state file of an earlier run names, in its own region, and then the file.

    searched: True if everything with our tag is deleted already, so that an unreadable state file may be deleted too. Raises
    FlystageError, and changes nothing, if the file is unreadable or of another version, or if the endpoint belongs to another
    account or does not carry our tag.
    """
    try:
        found = _left_over(state_file)
    except ValueError:
        if not searched:
            raise FlystageError(
                f"SageMaker: {state_file} is unreadable, so an endpoint of an earlier run may still exist and cost money. Run"
                " `snakemake --cores 1 aws_cleanup`, which finds endpoints by their tag and deletes this file. Then run the same"
                " command again."
            ) from None
        log.warning("SageMaker: flystage deletes the unreadable file %s", state_file)
        Path(state_file).unlink()
        return
    if found is None:
        return
    name, region, number = found
    if number not in (None, account.number):
        raise FlystageError(
            f"SageMaker: {state_file} names the endpoint {name} of the AWS account {number}, but you are logged in to"
            f" {account.number}. Log in to {number} and run the same command again. If you copied the folder from someone,"
            " delete the file instead."
        )
    if region != account.session.region_name:
        account = Account(account.settings | {"region": region})
    with explained(f"asking for the endpoint {name}"):
        there = _tags_of_parts(account, name)
    if foreign := _foreign(account, there):
        raise FlystageError(
            f"SageMaker: {state_file} names the endpoint {name} in {region}. Its tag is"
            f" {account.tag[0]}={next(iter(foreign.values()))}, not {account.tag[1]}, so flystage did not delete it. If you used"
            " another bucket or prefix, run `snakemake --cores 1 aws_cleanup` with those settings. If you copied the folder from"
            " someone, delete the file."
        )
    if there:
        log.warning("SageMaker: flystage deletes the endpoint %s, which an earlier run left in %s", name, region)
        take_down(account, name)
    Path(state_file).unlink()


def _left_over(state_file):
    """Return (name, region, number of the account or None) from a state file, or None if there is no file.

    Raises ValueError if the file is unreadable, FlystageError if another version of the workflow wrote it.
    """
    try:
        record = read_json(state_file)
    except FileNotFoundError:
        return None
    except (OSError, RecursionError) as error:
        raise ValueError(str(error)) from error
    if not isinstance(record, dict):
        raise ValueError(record)
    if record.get("version", VERSION) != VERSION:
        raise FlystageError(
            f"SageMaker: another version of this workflow wrote {state_file}, and its endpoint may still exist and cost money. Run"
            " `snakemake --cores 1 aws_cleanup` with that version, delete the file, and run the same command again."
        )
    name, region, number = record.get("endpoint"), record.get("region"), record.get("account")
    for text, form in ((name, NAME), (region, REGION), (number or "", re.compile(r"\d{12}|"))):
        if not isinstance(text, str) or not form.fullmatch(text):
            raise ValueError(text)
    return name, region, number


def take_down(account, name, made=()):
    """Delete the endpoint, its configuration and its model, as far as they exist and carry our tag.

    made: the parts that this run created. Their tag is not checked. Raises FlystageError, with the command to type, if a part
    could not be deleted.
    """
    left = []
    for part, noun in PARTS.items():
        try:
            if part not in made and (tag := _tags_of_parts(account, name, [part]).get(part)) != account.tag[1]:
                if tag is not None:
                    log.warning("SageMaker: the %s %s has another tag, so flystage did not delete it", noun, name)
                continue
            _delete(lambda part=part: _call(account, "delete", part, name), f"{noun} {name}")
        except (ClientError, BotoCoreError) as error:
            log.error("%s %s: %s", noun, name, refusal(error) if isinstance(error, ClientError) else error)
            left.append(noun)
    if left:
        raise FlystageError(
            f"SageMaker: {', '.join(left)} {name} could not be deleted and may cost money. The lines above say why. Fix the problem"
            " and run `snakemake --cores 1 aws_cleanup`."
        )
    log.info("SageMaker: endpoint, configuration and model %s are deleted", name)


def clean_up(aws, state_file):
    """Delete endpoints, their configurations and models that carry the tag of this bucket and prefix. Name jobs that still run.

    aws: the configuration's section. state_file: the run's state file, which may name an endpoint in another region. Jobs are not
    stopped, because they end without help and a rerun uses their results. Return the names of what was deleted. Raises
    FlystageError if something could not be deleted.
    """
    account = Account(aws)
    client, found, trouble = account.sagemaker, set(), []
    with explained("searching for endpoints of earlier runs"):
        for part in PARTS:
            key = _key(part)
            for page in client.get_paginator(f"list_{part}s").paginate(NameContains=PREFIX):
                for entry in page[f"{key}s"]:
                    if _tag(account, entry[f"{key}Arn"]) == account.tag[1]:
                        found.add(entry[f"{key}Name"])
        running = [
            entry["TrainingJobName"]
            for page in client.get_paginator("list_training_jobs").paginate(
                NameContains=PREFIX, StatusEquals="InProgress"
            )
            for entry in page["TrainingJobSummaries"]
            if _tag(account, entry["TrainingJobArn"]) == account.tag[1]
        ]
    for name in sorted(found):
        log.warning("SageMaker: flystage deletes %s", name)
        try:
            take_down(account, name)
        except FlystageError as error:  # still delete the others
            trouble.append(str(error))
    if not found:
        log.warning("SageMaker: no endpoint, configuration or model with the tag %s was found", account.tag[1])
    for name in running:
        log.warning("SageMaker: training job %s still runs. Run the workflow again to use its result, or stop it with"
                    " `aws sagemaker stop-training-job --training-job-name %s`", name, name)  # fmt: skip
    if trouble:
        raise FlystageError(" ".join(trouble))
    take_down_left_over(account, state_file, searched=True)
    return sorted(found)


def _key(part):
    """Return the name of a part in the fields of AWS's answers, such as "EndpointConfig"."""
    return "".join(word.capitalize() for word in part.split("_"))


def _call(account, verb, part, name):
    return getattr(account.sagemaker, f"{verb}_{part}")(**{f"{_key(part)}Name": name})


def _tags_of_parts(account, name, parts=PARTS):
    """Return {part: value of our tag, or ""} for the parts of this name that exist."""
    tags = {}
    for part in parts:
        try:
            tags[part] = _tag(account, _call(account, "describe", part, name)[f"{_key(part)}Arn"])
        except ClientError as error:
            if not not_found(error):
                raise
    return tags


def _foreign(account, there):
    """Return those entries of `_tags_of_parts` that do not carry our tag."""
    return {part: tag for part, tag in there.items() if tag != account.tag[1]}


def _tag(account, arn):
    """Return the value of the tag that marks our resources, or "" if the resource does not have it."""
    pages = account.sagemaker.get_paginator("list_tags").paginate(ResourceArn=arn)
    return next((tag["Value"] for page in pages for tag in page["Tags"] if tag["Key"] == account.tag[0]), "")


def _make(account, name, model, place, made):
    """Create model, configuration and endpoint. made: set, filled with each part before it is created, so that a failure can clean up."""
    encryption = {"KmsKeyId": account.settings["kms_key"]} if account.settings["kms_key"] else {}
    container = {"Image": model["image"], "ModelDataUrl": model["data"], "Environment": model["environment"]}
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": name,
        "InstanceType": place["instance"],
        "InitialInstanceCount": 1,
    }
    asked = {
        "model": {"ExecutionRoleArn": account.settings["role"], "PrimaryContainer": container, **account.vpc},
        "endpoint_config": {"ProductionVariants": [variant], **encryption},
        "endpoint": {"EndpointConfigName": name},
    }
    for part, request in asked.items():
        made.add(part)
        try:
            getattr(account.sagemaker, f"create_{part}")(**{f"{_key(part)}Name": name}, **request, Tags=account.tags)
        except ClientError:  # AWS refused, for example because another run was faster, so the part is not ours
            made.discard(part)
            raise


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
                f"SageMaker: the endpoint {name} did not start ({reason}). Read its log in CloudWatch under"
                f" /aws/sagemaker/Endpoints/{name}."
            )
        if time.monotonic() > deadline:
            raise FlystageError(
                f"SageMaker: the endpoint {name} did not start within {hours:g} h (its status is {status}). Read its log in"
                f" CloudWatch under /aws/sagemaker/Endpoints/{name}, or raise aws.evaluate.max_hours."
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
            log.info("SageMaker still creates %s and cannot delete it yet. flystage tries again", noun)
        time.sleep(pause)
        pause = min(2 * pause, 30)


@contextmanager
def _ended_by_exceptions():
    """Raise SystemExit at signals that end a process, so that `finally` runs."""

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
            with suppress(TypeError):  # Python did not install this handler and cannot restore it
                signal.signal(number, handler)


@contextmanager
def _uninterrupted():
    """Ignore signals that end a process, with a message. A second Ctrl-C must not leave an endpoint running."""
    before = {number: signal.signal(number, _say_wait) for number in ENDINGS}
    try:
        yield
    finally:
        for number, handler in before.items():
            with suppress(TypeError):
                signal.signal(number, handler)


def _say_wait(number, frame):
    log.warning("SageMaker: please wait until the endpoint is deleted")
