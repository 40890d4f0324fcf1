"""Names, archives, uploads and attempts on SageMaker, each by itself; tests/aws tries them together."""

import io
import re
import tarfile
import time
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from flystage.cloud import jobs, logs, packing, source, storage, trainer
from flystage.cloud.account import Account, not_found, refusal
from flystage.errors import FlystageError
from flystage.modules import modules_of

REPOSITORY = Path(__file__).parents[2]
SETTINGS = {
    "region": "eu-central-1", "bucket": "flies", "prefix": "deep/down/", "kms_key": "", "tags": ["owner=me", "a=b=c"], "poll": 0.001,
}  # fmt: skip


@pytest.fixture
def account(monkeypatch):
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY"):
        monkeypatch.setenv(f"AWS_{name}", "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        boto3.client("s3", region_name="eu-central-1").create_bucket(
            Bucket="flies", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
        )
        yield Account(SETTINGS)


@pytest.fixture
def sent(account):
    """Operations of S3 that are asked for."""
    calls = []
    account.s3.meta.events.register("before-call.s3", lambda model, **_: calls.append(model.name))
    return calls


def test_keys_lie_below_the_prefix_and_tags_are_those_of_the_settings(account):
    assert account.uri("a", "b.png") == "s3://flies/deep/down/a/b.png"
    assert account.folder("a") == "s3://flies/deep/down/a/"
    assert account.tags == [
        {"Key": "owner", "Value": "me"}, {"Key": "a", "Value": "b=c"}, {"Key": "flystage", "Value": "flies/deep/down"},
    ]  # fmt: skip


def test_only_new_content_is_sent_and_no_file_is_asked_for_by_itself(account, sent, tmp_path):
    files = []
    for number in range(1100):
        files.append(tmp_path / f"{number}.png")
        files[-1].write_bytes(b"picture %d" % (number % 1050))  # some are the same
    (tmp_path / ".hidden.png").write_bytes(b"stray")
    named = {name: path for path, name in storage.content_names(files).items()}
    assert storage.upload(account, named) == 1050
    assert sent.count("ListObjectsV2") == 1 and sent.count("PutObject") == 1050 and len(sent) == 1051
    assert set(storage.listed(account, "objects")) == set(named)
    sent.clear()
    assert storage.upload(account, named) == 0
    assert sent == ["ListObjectsV2"] * 2  # 1000 names a request
    files[0].write_bytes(b"changed")
    sent.clear()
    assert storage.upload(account, {storage.content_name(files[0]): files[0]}) == 1
    assert sent.count("PutObject") == 1


def test_what_is_half_there_is_sent_again(account, tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"whole")
    name = storage.content_name(path)
    account.s3.put_object(Bucket="flies", Key=account.key("objects", name), Body=b"who")
    assert storage.upload(account, {name: str(path)}) == 1


def test_members_come_back_from_an_archive_and_a_lost_one_is_none(account, tmp_path):
    data = source.archive({"checkpoint.pt": b"weights", "./history.csv": b"epoch", "more": b"x"})
    uri = storage.put(account, data, "output", "model.tar.gz")
    path = tmp_path / "checkpoint.pt"
    assert storage.fetch_members(account, uri, {"checkpoint.pt": path, "history.csv": None}) == {
        "history.csv": b"epoch"
    }
    assert path.read_bytes() == b"weights"
    assert storage.fetch_members(account, uri + "x", {"history.csv": None}) is None
    with pytest.raises(FlystageError, match="lacks checkpoint"):
        storage.fetch_members(account, storage.put(account, source.archive({}), "o"), {"checkpoint": None})


def test_an_archive_depends_on_content_alone_and_holds_what_the_adapter_uses(tmp_path):
    files = source.source_files("training/train.py", "requirements.txt")
    assert source.archive(files) == source.archive(dict(reversed(list(files.items()))))
    with tarfile.open(fileobj=io.BytesIO(source.archive(files))) as tar:
        names = set(tar.getnames())
    assert {"train.py", "requirements.txt", "flystage/__init__.py", "flystage/learning.py"} <= names
    assert not [name for name in names if "cloud" in name or "report" in name]
    assert "flystage/serving.py" in source.source_files("inference/inference.py")


def test_local_rules_use_nothing_of_aws():
    scripts = list((REPOSITORY / "workflow/scripts").glob("*.py"))
    local = [path for path in scripts if not re.search(r"sagemaker|endpoint|aws", path.name)]
    assert len(scripts) - len(local) == 5
    for script in [*local, *(REPOSITORY / "workflow/flystage").glob("*.py")]:
        for path in [script, *map(Path, modules_of(script))]:
            assert not re.search(r"^\s*(import|from) (boto|sagemaker)", path.read_text(), re.MULTILINE), (script, path)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("epoch 3 train_loss=0.1 val_loss=0.2 val_top1=0.5000 best_val_loss=0.23456", "0.23456"),
        ("best_val_loss=1e-05", "1e-05"),
        ("best_val_loss=2", "2"),
        ("best_val_loss=1.5E+3 and more", "1.5E+3"),
    ],
)
def test_the_objective_is_read_from_a_line_of_the_log(line, value):
    assert re.findall(trainer.OBJECTIVE_REGEX, line) == [value]


@pytest.mark.parametrize("line", ["val_loss=0.2", "train_loss=0.1", "best_val_loss=nan", "best_val_loss=inf"])
def test_the_objective_is_nothing_else(line):
    assert not re.search(trainer.OBJECTIVE_REGEX, line)


def test_how_many_processes_read_decides_no_name():
    texts = [packing._text({"epochs": 3, "workers": workers, "threads": workers}) for workers in (1, 2)]
    assert packing.decisive(texts[0]) == packing.decisive(texts[1]) != packing.decisive(packing._text({"epochs": 4}))


class FakeKind:
    """Jobs by name and their statuses; one that is started completes, or does as `fate` says."""

    noun = "training job"

    def __init__(self, account, fate="Completed", **statuses):
        self.account, self.fate = account, fate
        self.jobs = {
            name.replace("_", "-"): {"status": status, "FailureReason": "why."} for name, status in statuses.items()
        }
        self.started = []

    def describe(self, name):
        if name not in self.jobs:
            error = {"Code": "ValidationException", "Message": f"Could not find training job {name}"}
            raise ClientError({"Error": error}, "DescribeTrainingJob")
        description = dict(self.jobs[name])
        if description["status"] == "InProgress":  # it has ended when it is asked for again
            self.jobs[name]["status"] = self.fate
        return description

    def start(self, name):
        self.started.append(name)
        self.jobs[name] = {"status": "InProgress", "FailureReason": "it broke"}

    def status(self, description):
        return description["status"]

    def progress(self, description):
        return ""

    def follower(self, name):
        return None

    def end_of_log(self, name, description):
        return ["the end of its log"]

    def how_to_stop(self, name):
        return f"stop {name}"


@pytest.mark.parametrize(
    ("statuses", "started", "taken"),
    [
        ({}, ["job"], "job"),
        ({"job": "Completed"}, [], "job"),
        ({"job": "InProgress"}, [], "job"),
        ({"job": "Stopping"}, None, None),
        ({"job": "Failed"}, ["job-2"], "job-2"),
        ({"job": "Failed", "job_2": "Stopped"}, ["job-3"], "job-3"),
        ({"job": "Failed", "job_2": "Completed"}, [], "job-2"),
        ({"job": "Failed", "job_2": "InProgress"}, [], "job-2"),
    ],
)
def test_work_is_done_once(statuses, started, taken):
    kind = FakeKind(Account(SETTINGS), **statuses)
    if started is None:
        kind.jobs["job"]["status"] = "InProgress"
        kind.fate = "Stopped"
        with pytest.raises(FlystageError, match="ended as Stopped: why; mend"):
            jobs.done(kind, "job", kind.start)
        return
    name, description = jobs.done(kind, "job", kind.start)
    assert (kind.started, name, description["status"]) == (started, taken, "Completed")


def test_a_result_that_is_gone_is_made_again():
    kind = FakeKind(Account(SETTINGS), job="Completed")
    assert jobs.done(kind, "job", kind.start, usable=lambda description: False)[0] == "job-2"


def test_a_failing_job_is_told(caplog):
    kind = FakeKind(Account(SETTINGS), fate="Failed")
    with pytest.raises(
        FlystageError, match="training job job ended as Failed: it broke; mend what its log shows and run again"
    ):
        jobs.done(kind, "job", kind.start)
    assert "the end of its log" in caplog.text


def test_the_log_of_every_host_is_told_once(account, caplog):
    caplog.set_level("INFO")
    client, now = account.logs, int(time.time() * 1000)
    logs_of = logs.LogStream(account, "job")
    logs_of.tell()  # nothing is there yet
    client.create_log_group(logGroupName=logs.GROUP)
    for number in (1, 2):
        stream = f"job/algo-{number}-1700000000"
        client.create_log_stream(logGroupName=logs.GROUP, logStreamName=stream)
        events = [{"timestamp": now + line, "message": f"line {line}"} for line in range(3)]
        client.put_log_events(logGroupName=logs.GROUP, logStreamName=stream, logEvents=events)
    logs_of.tell()
    logs_of.tell()
    said = [record.getMessage() for record in caplog.records if " | " in record.getMessage()]
    assert said == [f"algo-{number} | line {line}" for number in (1, 2) for line in range(3)]
    client.put_log_events(
        logGroupName=logs.GROUP, logStreamName=stream, logEvents=[{"timestamp": now + 9, "message": "more"}]
    )
    logs_of.tell()
    assert caplog.records[-1].getMessage() == "algo-2 | more"
    assert logs.end_of_log(account, "job")[-1] == "algo-2 | more"
    assert logs.end_of_log(account, "jo") == []  # another job's name begins alike


def client_error(code, message, operation="DescribeTrainingJob"):
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


def test_what_is_not_there_is_told_from_what_is_refused():
    assert not_found(client_error("ValidationException", "Requested resource not found."))
    assert not_found(client_error("ResourceNotFound", "Amazon SageMaker can't find a tuning job"))
    assert not not_found(client_error("ValidationException", "1 validation error detected"))
    assert not not_found(client_error("AccessDeniedException", "not authorized"))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (client_error("AccessDeniedException", "x is not\nauthorized."), "not allow DescribeTrainingJob (x is not authorized)"),
        (client_error("ExpiredTokenException", "old"), "log in again"),
        (client_error("NoSuchBucket", "no", "PutObject"), "correct aws.bucket"),
        (client_error("ThrottlingException", "slow"), "throttles DescribeTrainingJob"),
        (client_error("ResourceLimitExceeded", "limit 'ml.g5' is 0"), "a quota of the account is too small (limit 'ml.g5' is 0)"),
        (client_error("ValidationException", "Could not assume role arn:x"), "may not use the role aws.role"),
        (client_error("Strange", "odd"), "AWS refused DescribeTrainingJob (Strange: odd)"),
    ],
)  # fmt: skip
def test_a_refusal_is_one_sentence(error, words):
    assert words in refusal(error) and "\n" not in refusal(error)
