"""What of an earlier run is taken down: what carries our name and tag, where that run made it, and nothing else."""

import json
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
    """Endpoint, configuration and model as an earlier run, or somebody else, left them."""
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
    """{part: names} of what there is."""
    client = Account(account.settings | {"region": region}).sagemaker
    found = {
        "endpoint": [entry["EndpointName"] for entry in client.list_endpoints()["Endpoints"]],
        "endpoint_config": [entry["EndpointConfigName"] for entry in client.list_endpoint_configs()["EndpointConfigs"]],
        "model": [entry["ModelName"] for entry in client.list_models()["Models"]],
    }
    return {part: names for part, names in found.items() if names}


def left(state_file, **record):
    """A state file as a killed run leaves it."""
    state_file.parent.mkdir(exist_ok=True)
    written = {"version": 1, "endpoint": "flystage-score-0", "region": HERE, "account": NUMBER} | record
    state_file.write_text(json.dumps({key: value for key, value in written.items() if value is not None}))


def test_an_endpoint_is_named_in_the_state_file_while_it_may_exist_and_gone_afterwards(account, state_file):
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
def test_whatever_part_a_killed_run_made_is_taken_down(account, state_file, parts):
    made(account, parts=parts)
    made(account, "flystage-score-other", tags=OURS)  # of a run in another folder
    left(state_file)
    endpoint.take_down_left_over(account, state_file)
    assert there(account) == dict.fromkeys(("endpoint", "endpoint_config", "model"), ["flystage-score-other"])
    assert not state_file.exists()


@pytest.mark.parametrize("record", [{}, {"account": None, "version": None}], ids=["ours", "of an earlier version"])
def test_what_was_made_in_another_region_is_taken_down_there(account, state_file, record):
    made(account, region=THERE)
    made(account)  # of the same name, and not in the file
    left(state_file, region=THERE, **record)
    endpoint.take_down_left_over(account, state_file)
    assert not there(account, THERE) and not state_file.exists()
    assert set(there(account)) == {"model", "endpoint_config", "endpoint"}


@pytest.mark.parametrize("tags", [THEIRS, [], [{"Key": "owner", "Value": "flies/deep/down"}]])
def test_what_does_not_carry_our_tag_is_left_alone(account, state_file, tags):
    made(account, tags=tags)
    left(state_file)
    before = there(account)
    with pytest.raises(FlystageError, match=r"not flies/deep/down, so it was not touched.*delete the file\.$"):
        endpoint.take_down_left_over(account, state_file)
    assert there(account) == before and state_file.exists()
    with (
        pytest.raises(FlystageError, match="not touched"),
        endpoint.endpoint(account, "flystage-1", MODEL, PLACE, state_file),
    ):
        pass
    assert there(account) == before and json.loads(state_file.read_text())["endpoint"] == "flystage-score-0"


def test_a_part_that_is_not_ours_is_left_alone_beside_those_that_are(account, state_file, caplog):
    made(account, parts=("model",), tags=THEIRS)
    made(account, parts=("endpoint_config", "endpoint"))
    assert endpoint.clean_up(account.settings, state_file) == ["flystage-score-0"]
    assert there(account) == {"model": ["flystage-score-0"]}
    assert "the model flystage-score-0 is not ours, and was left alone" in caplog.text


def test_another_thing_of_the_new_name_is_not_touched(account, state_file):
    made(account, "flystage-score-1", tags=THEIRS)
    before = there(account)
    with (
        pytest.raises(FlystageError, match="flystage-score-1 is there already and does not carry the tag"),
        endpoint.endpoint(account, "flystage-score-1", MODEL, PLACE, state_file),
    ):
        pass
    assert there(account) == before and not state_file.exists()


def test_ours_of_the_new_name_is_taken_down_first(account, state_file, caplog):
    made(account, "flystage-score-1", parts=("model",))
    with endpoint.endpoint(account, "flystage-score-1", MODEL, PLACE, state_file):
        pass
    assert "is there already; taking it down first" in caplog.text and not there(account)


def test_what_another_run_made_at_the_same_moment_is_not_taken_down(account, state_file):
    """CreateModel says that there is one, which was not there a moment ago."""

    def another_is_quicker(**_):
        account.sagemaker.meta.events.unregister("before-call.sagemaker.CreateModel", unique_id="quicker")
        made(account, "flystage-score-1", THEIRS, ("model",))
        return SimpleNamespace(status_code=400), {"Error": {"Code": "ValidationException", "Message": "existing model"}}

    account.sagemaker.meta.events.register("before-call.sagemaker.CreateModel", another_is_quicker, unique_id="quicker")
    with (
        pytest.raises(FlystageError, match="making the endpoint flystage-score-1"),
        endpoint.endpoint(account, "flystage-score-1", MODEL, PLACE, state_file),
    ):
        pass
    assert there(account) == {"model": ["flystage-score-1"]} and not state_file.exists()


def test_another_account_keeps_the_file(account, state_file):
    left(state_file, account="210987654321")
    with pytest.raises(FlystageError, match=f"of the AWS account 210987654321, and you are logged in to {NUMBER}"):
        endpoint.take_down_left_over(account, state_file)
    assert state_file.exists()


def test_one_that_is_gone_already_leaves_no_file(account, state_file):
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
def test_a_file_that_cannot_be_read_stops_the_run_until_the_clean_up(account, state_file, text):
    made(account, "production", tags=[])
    made(account)
    state_file.parent.mkdir()
    state_file.write_text(text, errors="surrogateescape")
    with pytest.raises(
        FlystageError, match="cannot be read, so an endpoint of an earlier run may be left and cost money; run"
    ):
        endpoint.take_down_left_over(account, state_file)
    assert state_file.exists()
    assert endpoint.clean_up(account.settings, state_file) == ["flystage-score-0"]
    assert there(account) == dict.fromkeys(("endpoint", "endpoint_config", "model"), ["production"])
    assert not state_file.exists()


def test_a_file_of_another_version_is_kept(account, state_file):
    left(state_file, version=2)
    for call in (
        lambda: endpoint.take_down_left_over(account, state_file),
        lambda: endpoint.clean_up(account.settings, state_file),
    ):
        with pytest.raises(FlystageError, match="written by another version"):
            call()
        assert state_file.exists()


def test_the_clean_up_also_goes_where_the_file_says(account, state_file):
    made(account, "flystage-a")
    made(account, region=THERE)
    left(state_file, region=THERE)
    assert endpoint.clean_up(account.settings, state_file) == ["flystage-a"]
    assert not there(account) and not there(account, THERE) and not state_file.exists()


def test_one_that_cannot_be_deleted_is_told_and_the_file_and_the_others_are_seen_to(account, state_file, monkeypatch):
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
        with pytest.raises(FlystageError, match="endpoint flystage-score-0 could not be deleted and may cost money"):
            act()
        assert state_file.exists()
    assert there(account) == {"endpoint": ["flystage-score-0"]}  # all the rest is gone


def test_what_this_run_made_goes_even_where_tags_may_not_be_read(account, state_file, monkeypatch):
    denied = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "not today"}}, "ListTags")
    with endpoint.endpoint(account, "flystage-score-1", MODEL, PLACE, state_file):
        monkeypatch.setattr(endpoint, "_tag", lambda *_: (_ for _ in ()).throw(denied))
    assert not there(account) and not state_file.exists()
