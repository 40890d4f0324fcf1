"""Keys and tags of an account, and what AWS refuses in one sentence."""

import pytest
from botocore.exceptions import ClientError

from flystage.cloud.account import not_found, refusal


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
