"""An endpoint for as long as it is needed, and not a minute longer: taken down on success, error, Ctrl-C and SIGTERM.

A state file that names it is written before it is made and deleted when it is gone, so that the next run takes down what a
kill -9 left behind; `clean_up` (`snakemake --cores 1 aws_cleanup`) finds the rest by its tag. A name in a file proves nothing:
what does not carry our tag is never deleted.
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
DELETING_MINUTES = 60  # an endpoint that is being made cannot be deleted before SageMaker has given it up
ENDINGS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
PREFIX = "flystage-"  # of all names
VERSION = 1  # of the state file
NAME = re.compile(rf"{PREFIX}[a-zA-Z0-9-]{{1,54}}")
REGION = re.compile(r"[a-z]{2,}(-[a-z]+)+-\d+")
# What an endpoint is made of, in the order in which it is taken down: as boto3's calls name it, and in words.
PARTS = {"endpoint": "endpoint", "endpoint_config": "endpoint configuration", "model": "model"}


@contextmanager
def endpoint(account, name, model, place, state_file):
    """An endpoint that answers, by the name it has; gone when the block ends, however it ends.

    model: {"image", "data" (URI of its model.tar.gz), "environment"}. place: instance, max_hours (how long it may take to
    come up). state_file: where its name is kept while it may exist. Raises FlystageError when it does not come up, or when
    something that is not ours has its name.
    """
    with _ended_by_exceptions():
        take_down_left_over(account, state_file)
        with explained(f"asking for the endpoint {name}"):
            there = _tags_of_parts(account, name)
        if foreign := _foreign(account, there):
            nouns = ", ".join(PARTS[part] for part in foreign)
            raise FlystageError(
                f"SageMaker: an {nouns} {name} is there already and does not carry the tag {'='.join(account.tag)}, so it"
                " was not touched; delete it if it is yours, and run again."
            )
        identity = {"region": account.session.region_name, "account": account.number}
        write_json({"version": VERSION, "endpoint": name} | identity, state_file)
        asked_for = set()
        try:
            if there:  # another run's, or one whose state file was lost; its name says that it is the same
                log.warning("SageMaker: an endpoint %s is there already; taking it down first", name)
                take_down(account, name)
            with explained(f"making the endpoint {name}"):
                _make(account, name, model, place, asked_for)
            _wait_until_in_service(account, name, place["max_hours"])
            yield name
        finally:
            with _uninterrupted():
                take_down(account, name, asked_for)
                Path(state_file).unlink(missing_ok=True)


def take_down_left_over(account, state_file, searched=False):
    """Take down what the state file of an earlier run names, in the region where it was made, and delete the file.

    searched: whether everything with our tag has been taken down already, so that a file that cannot be read may go. Raises
    FlystageError, with nothing touched, when the file cannot be read or is of another version, and when what it names was made
    with another account or does not carry our tag.
    """
    try:
        found = _left_over(state_file)
    except ValueError:
        if not searched:
            raise FlystageError(
                f"SageMaker: {state_file} cannot be read, so an endpoint of an earlier run may be left and cost money; run"
                " `snakemake --cores 1 aws_cleanup`, which finds it by its tag and deletes the file, and run again."
            ) from None
        log.warning("SageMaker: deleting %s, which cannot be read", state_file)
        Path(state_file).unlink()
        return
    if found is None:
        return
    name, region, number = found
    if number not in (None, account.number):
        raise FlystageError(
            f"SageMaker: {state_file} names the endpoint {name} of the AWS account {number}, and you are logged in to"
            f" {account.number}; log in to that account and run again, or delete the file if the folder was copied from somebody."
        )
    if region != account.session.region_name:
        account = Account(account.settings | {"region": region})
    with explained(f"asking for the endpoint {name}"):
        there = _tags_of_parts(account, name)
    if foreign := _foreign(account, there):
        raise FlystageError(
            f"SageMaker: {state_file} names the endpoint {name} in {region}, which carries the tag"
            f" {account.tag[0]}={next(iter(foreign.values()))} and not {account.tag[1]}, so it was not"
            " touched; if you made it with another bucket or prefix, run `snakemake --cores 1 aws_cleanup` with these, and if the"
            " folder was copied from somebody, delete the file."
        )
    if there:
        log.warning("SageMaker: taking down the endpoint %s that an earlier run left behind in %s", name, region)
        take_down(account, name)
    Path(state_file).unlink()


def _left_over(state_file):
    """(name, region, number of the account or None) that a state file holds; None without a file.

    Raises ValueError when it cannot be read, FlystageError when another version of the workflow wrote it.
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
            f"SageMaker: {state_file} was written by another version of this workflow; run that one's `snakemake --cores 1"
            " aws_cleanup`, delete the file, and run again."
        )
    name, region, number = record.get("endpoint"), record.get("region"), record.get("account")
    for text, form in ((name, NAME), (region, REGION), (number or "", re.compile(r"\d{12}|"))):
        if not isinstance(text, str) or not form.fullmatch(text):
            raise ValueError(text)
    return name, region, number


def take_down(account, name, made=()):
    """Delete the endpoint, its configuration and its model, those of them that exist and are ours.

    made: those parts that this run has made, which need not show their tag. Raises FlystageError when something of ours is left,
    with the command that deletes it.
    """
    left = []
    for part, noun in PARTS.items():
        try:
            if part not in made and (tag := _tags_of_parts(account, name, [part]).get(part)) != account.tag[1]:
                if tag is not None:
                    log.warning("SageMaker: the %s %s is not ours, and was left alone", noun, name)
                continue
            _delete(lambda part=part: _call(account, "delete", part, name), f"{noun} {name}")
        except (ClientError, BotoCoreError) as error:
            log.error("%s %s: %s", noun, name, refusal(error) if isinstance(error, ClientError) else error)
            left.append(noun)
    if left:
        raise FlystageError(
            f"SageMaker: {', '.join(left)} {name} could not be deleted and may cost money; run `snakemake --cores 1 aws_cleanup`"
            " when the reason above is mended."
        )
    log.info("SageMaker: endpoint, configuration and model %s are gone", name)


def clean_up(aws, state_file):
    """Delete endpoints, their configurations and models that carry this bucket's and prefix's tag; name jobs that still run.

    aws: the configuration's section. state_file: of the run, which may name an endpoint in another region. Jobs are not stopped:
    they end by themselves, and a rerun takes their results. Returns the names that were deleted. Raises FlystageError when
    something is left.
    """
    account = Account(aws)
    client, found, trouble = account.sagemaker, set(), []
    with explained("looking for what was left behind"):
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
        log.warning("SageMaker: taking down %s", name)
        try:
            take_down(account, name)
        except FlystageError as error:  # the others shall go all the same
            trouble.append(str(error))
    if not found:
        log.warning("SageMaker: no endpoint, configuration or model of %s is left", account.tag[1])
    for name in running:
        log.warning("SageMaker: training job %s is at work; run the workflow again to take its result, or stop it by"
                    " `aws sagemaker stop-training-job --training-job-name %s`", name, name)  # fmt: skip
    if trouble:
        raise FlystageError(" ".join(trouble))
    take_down_left_over(account, state_file, searched=True)
    return sorted(found)


def _key(part):
    """How the fields of AWS's answers call a part: "EndpointConfig"."""
    return "".join(word.capitalize() for word in part.split("_"))


def _call(account, verb, part, name):
    return getattr(account.sagemaker, f"{verb}_{part}")(**{f"{_key(part)}Name": name})


def _tags_of_parts(account, name, parts=PARTS):
    """{part: value of our tag, or ""} of the parts of this name that exist."""
    tags = {}
    for part in parts:
        try:
            tags[part] = _tag(account, _call(account, "describe", part, name)[f"{_key(part)}Arn"])
        except ClientError as error:
            if not not_found(error):
                raise
    return tags


def _foreign(account, there):
    """Those of what `_tags_of_parts` gives that are not ours."""
    return {part: tag for part, tag in there.items() if tag != account.tag[1]}


def _tag(account, arn):
    """The value of the tag by which we know what is ours; empty where there is none."""
    pages = account.sagemaker.get_paginator("list_tags").paginate(ResourceArn=arn)
    return next((tag["Value"] for page in pages for tag in page["Tags"] if tag["Key"] == account.tag[0]), "")


def _make(account, name, model, place, made):
    """Ask for model, configuration and endpoint. made: a set, to which each part is added from when on it may exist."""
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
        except ClientError:  # AWS said no, as when another run was quicker
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
