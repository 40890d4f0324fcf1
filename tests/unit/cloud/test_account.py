"""Keys and tags of an account, and what AWS refuses in one sentence."""

import pytest
from botocore.exceptions import ClientError

from flystage.cloud.account import Account, check_bucket, check_login, not_found, refusal
from flystage.core.errors import FlystageError


def test_keys_lie_below_the_prefix_and_tags_are_those_of_the_settings(account):
    assert account.uri("a", "b.png") == "s3://flies/deep/down/a/b.png"
    assert account.folder("a") == "s3://flies/deep/down/a/"
    assert account.tags == [
        {"Key": "owner", "Value": "me"}, {"Key": "a", "Value": "b=c"}, {"Key": "flystage", "Value": "flies/deep/down"},
    ]  # fmt: skip


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


def test_no_login_is_one_sentence_that_names_the_steps(monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    with pytest.raises(FlystageError, match="^compute: tune, train runs on AWS, and there are no AWS credentials here"):
        check_login(["tune", "train"])
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(FlystageError, match="nobody"):
        check_login(["train"])
    monkeypatch.delenv("AWS_PROFILE")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "me")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    check_login(["train"])


def test_the_bucket_must_be_there_and_lie_in_the_region_of_the_jobs(account):
    check_bucket(account)
    with pytest.raises(FlystageError, match="flies lies in eu-central-1, and aws.region is us-east-1; set aws.region"):
        check_bucket(Account(account.settings | {"region": "us-east-1"}))
    with pytest.raises(FlystageError, match="there is no such bucket"):
        check_bucket(Account(account.settings | {"bucket": "nowhere"}))
    with pytest.raises(FlystageError, match="moon base.*correct aws.region"):
        check_bucket(Account(account.settings | {"region": "moon base"}))


def test_the_account_of_the_credentials_is_known(account):
    assert account.number == "123456789012"
