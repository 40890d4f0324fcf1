"""An account on a bucket that answers within this process."""

import boto3
import pytest
from moto import mock_aws

from flystage.cloud.account import Account

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
