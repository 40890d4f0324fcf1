"""Tests that flystage deletes its own endpoints, in the right region, and nothing without its tag."""

import json
import re
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError

from flystage.cloud import endpoint
from flystage.cloud.account import Account
from flystage.core.errors import FlystageError

NUMBER = "123456789012"  # of moto's account
OURS, THEIRS = [{"Key": "flystage", "Value": "flies/deep/down"}], [{"Key": "flystage", "Value": "others/flystage"}]
MODEL = {
    "image": f"{NUMBER}.dkr.ecr.eu-central-1.amazonaws.com/image:1",
    "data": "s3://flies/m.tar.gz",
    "environment": {},
}
PLACE = {"instance": "ml.m5.xlarge", "max_hours": 1}
HERE, THERE = "eu-central-1", "us-east-1"


@pytest.fixture
def state_file(tmp_path):
    return tmp_path / "results/.endpoint.json"


def made(account, name="flystage-score-0", tags=OURS, parts=("model", "endpoint_config", "endpoint"), region=HERE):
    """Create endpoint, configuration and model as an earlier run, or somebody else, left them."""
    client = Account(account.settings | {"region": region}).sagemaker
    if "model" in parts:
        client.create_model(
            ModelName=name, ExecutionRoleArn=account.settings["role"], PrimaryContainer={"Image": MODEL["image"]}, Tags=tags
        )  # fmt: skip
    if "endpoint_config" in parts:
        variant = {"VariantName": "a", "ModelName": name, "InstanceType": "ml.m5.xlarge", "InitialInstanceCount": 1}
        client.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant], Tags=tags)
    if "endpoint" in parts:
        client.create_endpoint(EndpointName=name, EndpointConfigName=name, Tags=tags)


def there(account, region=HERE):
    """Return {part: names} of everything that exists."""
    client = Account(account.settings | {"region": region}).sagemaker
    found = {
        "endpoint": [entry["EndpointName"] for entry in client.list_endpoints()["Endpoints"]],
        "endpoint_config": [entry["EndpointConfigName"] for entry in client.list_endpoint_configs()["EndpointConfigs"]],
        "model": [entry["ModelName"] for entry in client.list_models()["Models"]],
    }
    return {part: names for part, names in found.items() if names}


def left(state_file, **record):
    """Write a state file as a killed run leaves it."""
    state_file.parent.mkdir(exist_ok=True)
    written = {"version": 1, "endpoint": "flystage-score-0", "region": HERE, "account": NUMBER} | record
    state_file.write_text(json.dumps({key: value for key, value in written.items() if value is not None}))


def test_the_state_file_exists_exactly_as_long_as_the_endpoint(account, state_file):
    with pytest.raises(ZeroDivisionError), endpoint.endpoint(account, "flystage-score-1", MODEL, PLACE, state_file):
        assert json.loads(state_file.read_text()) == {
            "version": 1, "endpoint": "flystage-score-1", "region": HERE, "account": NUMBER,
        }  # fmt: skip
        assert set(there(account)) == {"model", "endpoint_config", "endpoint"}
        assert all(tag in endpoint_tags(account, "flystage-score-1") for tag in OURS)
        1 / 0  # noqa: B018
    assert not there(account) and not state_file.exists()


def endpoint_tags(account, name):
    arn = account.sagemaker.describe_endpoint(EndpointName=name)["EndpointArn"]
    return account.sagemaker.list_tags(ResourceArn=arn)["Tags"]


@pytest.mark.parametrize("parts", [("model",), ("model", "endpoint_config"), ("model", "endpoint_config", "endpoint")])
def test_parts_that_a_killed_run_created_are_deleted(account, state_file, parts):
    made(account, parts=parts)
    made(account, "flystage-score-other", tags=OURS)  # of a run in another folder
    left(state_file)
    endpoint.take_down_left_over(account, state_file)
    assert there(account) == dict.fromkeys(("endpoint", "endpoint_config", "model"), ["flystage-score-other"])
    assert not state_file.exists()


@pytest.mark.parametrize("record", [{}, {"account": None, "version": None}], ids=["ours", "of an earlier version"])
def test_an_endpoint_in_another_region_is_deleted_there(account, state_file, record):
    made(account, region=THERE)
    made(account)  # it has the same name, but the file does not mean it
    left(state_file, region=THERE, **record)
    endpoint.take_down_left_over(account, state_file)
    assert not there(account, THERE) and not state_file.exists()
    assert set(there(account)) == {"model", "endpoint_config", "endpoint"}


@pytest.mark.parametrize("tags", [THEIRS, [], [{"Key": "owner", "Value": "flies/deep/down"}]])
def test_an_endpoint_without_our_tag_is_not_deleted(account, state_file, tags):
    made(account, tags=tags)
    left(state_file)
    before = there(account)
    with pytest.raises(
        FlystageError, match=r"\.endpoint\.json.*flystage-score-0 in eu-central-1.* flies/deep/down\b.*aws_cleanup"
    ):
        endpoint.take_down_left_over(account, state_file)
    assert there(account) == before and state_file.exists()
    with (
        pytest.raises(FlystageError, match=r"flystage-score-0 in eu-central-1.* flies/deep/down\b"),
        endpoint.endpoint(account, "flystage-1", MODEL, PLACE, state_file),
    ):
        pass
    assert there(account) == before and json.loads(state_file.read_text())["endpoint"] == "flystage-score-0"


def test_a_part_without_our_tag_stays_when_the_others_are_deleted(account, state_file, caplog):
    made(account, parts=("model",), tags=THEIRS)
    made(account, parts=("endpoint_config", "endpoint"))
    assert endpoint.clean_up(account.settings, state_file) == ["flystage-score-0"]
    assert there(account) == {"model": ["flystage-score-0"]}
    assert re.search(r"model flystage-score-0\b.* did not delete", caplog.text)


def test_a_foreign_endpoint_with_the_new_name_is_not_deleted(account, state_file):
    made(account, "flystage-score-1", tags=THEIRS)
    before = there(account)
    with (
        pytest.raises(FlystageError, match="flystage-score-1 already exists .*flystage=flies/deep/down"),
        endpoint.endpoint(account, "flystage-score-1", MODEL, PLACE, state_file),
    ):
        pass
    assert there(account) == before and not state_file.exists()


def test_our_endpoint_with_the_new_name_is_deleted_first(account, state_file, caplog):
    made(account, "flystage-score-1", parts=("model",))
    with endpoint.endpoint(account, "flystage-score-1", MODEL, PLACE, state_file):
        pass
    assert "flystage-score-1 already exists" in caplog.text and not there(account)


def test_a_model_that_another_run_creates_at_the_same_time_is_not_deleted(account, state_file):
    """CreateModel answers that the model exists, although it did not exist a moment before."""

    def another_is_quicker(**_):
        account.sagemaker.meta.events.unregister("before-call.sagemaker.CreateModel", unique_id="quicker")
        made(account, "flystage-score-1", THEIRS, ("model",))
        return SimpleNamespace(status_code=400), {"Error": {"Code": "ValidationException", "Message": "existing model"}}

    account.sagemaker.meta.events.register("before-call.sagemaker.CreateModel", another_is_quicker, unique_id="quicker")
    with (
        pytest.raises(FlystageError, match=r"the endpoint flystage-score-1\b.*CreateModel.*existing model"),
        endpoint.endpoint(account, "flystage-score-1", MODEL, PLACE, state_file),
    ):
        pass
    assert there(account) == {"model": ["flystage-score-1"]} and not state_file.exists()


def test_a_state_file_of_another_account_stops_the_run_and_is_kept(account, state_file):
    left(state_file, account="210987654321")
    with pytest.raises(FlystageError, match=rf"\.endpoint\.json.*account 210987654321\b.*{NUMBER}"):
        endpoint.take_down_left_over(account, state_file)
    assert state_file.exists()


def test_the_state_file_of_a_deleted_endpoint_is_deleted(account, state_file):
    left(state_file)
    endpoint.take_down_left_over(account, state_file)
    assert not state_file.exists()
    endpoint.take_down_left_over(account, state_file)


GARBAGE = [
    "", "{", "[]", "null", '"flystage-score-0"', '{"endpoint": ["flystage-score-0"], "region": "eu-central-1"}', "{}", "[" * 99_999,
    '{"endpoint": "production", "region": "eu-central-1"}', '{"endpoint": "flystage-score-0"}',
    '{"endpoint": "flystage-score-0", "region": "evil.example/"}', '{"endpoint": "flystage-../x", "region": "eu-central-1"}',
    '{"endpoint": "flystage-score-0", "region": "eu-central-1", "account": 5}', "\udcff",
]  # fmt: skip


@pytest.mark.parametrize("text", GARBAGE)
def test_an_unreadable_state_file_stops_the_run_until_the_clean_up(account, state_file, text):
    made(account, "production", tags=[])
    made(account)
    state_file.parent.mkdir()
    state_file.write_text(text, errors="surrogateescape")
    with pytest.raises(FlystageError, match=r"\.endpoint\.json is unreadable.*snakemake --cores 1 aws_cleanup"):
        endpoint.take_down_left_over(account, state_file)
    assert state_file.exists()
    assert endpoint.clean_up(account.settings, state_file) == ["flystage-score-0"]
    assert there(account) == dict.fromkeys(("endpoint", "endpoint_config", "model"), ["production"])
    assert not state_file.exists()


def test_a_state_file_of_another_version_is_kept(account, state_file):
    left(state_file, version=2)
    for call in (
        lambda: endpoint.take_down_left_over(account, state_file),
        lambda: endpoint.clean_up(account.settings, state_file),
    ):
        with pytest.raises(FlystageError, match=r"another version.*\.endpoint\.json"):
            call()
        assert state_file.exists()


def test_the_clean_up_also_uses_the_region_in_the_state_file(account, state_file):
    made(account, "flystage-a")
    made(account, region=THERE)
    left(state_file, region=THERE)
    assert endpoint.clean_up(account.settings, state_file) == ["flystage-a"]
    assert not there(account) and not there(account, THERE) and not state_file.exists()


def test_an_endpoint_that_cannot_be_deleted_is_named_and_the_rest_deleted(account, state_file, monkeypatch):
    made(account)
    made(account, "flystage-score-1")
    left(state_file)
    refused = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "not today"}}, "DeleteEndpoint")
    call = endpoint._call

    def denied(account, verb, part, name):
        if (verb, part, name) == ("delete", "endpoint", "flystage-score-0"):
            raise refused
        return call(account, verb, part, name)

    monkeypatch.setattr(endpoint, "_call", denied)
    for act in (
        lambda: endpoint.clean_up(account.settings, state_file),
        lambda: endpoint.take_down_left_over(account, state_file),
    ):
        with pytest.raises(FlystageError, match="endpoint flystage-score-0 could not be deleted.*aws_cleanup"):
            act()
        assert state_file.exists()
    assert there(account) == {"endpoint": ["flystage-score-0"]}  # all others are deleted


def test_the_runs_own_endpoint_is_deleted_without_the_right_to_read_tags(account, state_file, monkeypatch):
    denied = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "not today"}}, "ListTags")
    with endpoint.endpoint(account, "flystage-score-1", MODEL, PLACE, state_file):
        monkeypatch.setattr(endpoint, "_tag", lambda *_: (_ for _ in ()).throw(denied))
    assert not there(account) and not state_file.exists()
