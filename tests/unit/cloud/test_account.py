"""Tests of keys, tags and error messages of an AWS account."""

import pytest
from botocore.exceptions import ClientError

from flystage.cloud.account import Account, check_bucket, check_login, not_found, refusal
from flystage.core.errors import FlystageError


def test_keys_start_with_the_prefix_and_tags_come_from_the_settings(account):
    assert account.uri("a", "b.png") == "s3://flies/deep/down/a/b.png"
    assert account.folder("a") == "s3://flies/deep/down/a/"
    assert account.tags == [
        {"Key": "owner", "Value": "me"}, {"Key": "a", "Value": "b=c"}, {"Key": "flystage", "Value": "flies/deep/down"},
    ]  # fmt: skip


def client_error(code, message, operation="DescribeTrainingJob"):
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


def test_a_missing_resource_is_distinguished_from_a_refusal():
    assert not_found(client_error("ValidationException", "Requested resource not found."))
    assert not_found(client_error("ResourceNotFound", "Amazon SageMaker can't find a tuning job"))
    assert not not_found(client_error("ValidationException", "1 validation error detected"))
    assert not not_found(client_error("AccessDeniedException", "not authorized"))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (client_error("AccessDeniedException", "x is not\nauthorized."), ["DescribeTrainingJob", "(x is not authorized)", "aws.md"]),
        (client_error("ExpiredTokenException", "old"), ["ExpiredTokenException", "log in"]),
        (client_error("NoSuchBucket", "no", "PutObject"), ["bucket", "aws.bucket"]),
        (client_error("ThrottlingException", "slow"), ["throttle", "DescribeTrainingJob", "(slow)"]),
        (client_error("ResourceLimitExceeded", "limit 'ml.g5' is 0"), ["quota", "(limit 'ml.g5' is 0)"]),
        (client_error("ValidationException", "Could not assume role arn:x"), ["aws.role", "arn:x"]),
        (client_error("Strange", "odd"), ["DescribeTrainingJob", "Strange", "odd"]),
    ],
)  # fmt: skip
def test_a_refusal_is_one_line_with_its_facts(error, words):
    message = refusal(error)
    assert not [word for word in words if word.lower() not in message.lower()] and "\n" not in message


def test_missing_credentials_give_a_message_that_names_the_steps(monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    with pytest.raises(FlystageError, match=r"compute: tune, train\b.*credentials.*aws configure"):
        check_login(["tune", "train"])
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(FlystageError, match="nobody"):
        check_login(["train"])
    monkeypatch.delenv("AWS_PROFILE")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "me")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    check_login(["train"])


def test_the_bucket_must_exist_in_the_region_of_the_jobs(account):
    check_bucket(account)
    with pytest.raises(FlystageError, match=r"flies.* eu-central-1.*aws\.region is us-east-1"):
        check_bucket(Account(account.settings | {"region": "us-east-1"}))
    with pytest.raises(FlystageError, match=r"nowhere.*aws\.bucket"):
        check_bucket(Account(account.settings | {"bucket": "nowhere"}))
    with pytest.raises(FlystageError, match=r"moon base.*aws\.region"):
        check_bucket(Account(account.settings | {"region": "moon base"}))


def test_the_account_number_is_read_from_the_credentials(account):
    assert account.number == "123456789012"
