"""An AWS account with a bucket that moto emulates within the test process."""

import boto3
import botocore.loaders
import botocore.session
import pytest
from moto import mock_aws

from flystage.cloud.account import Account

SETTINGS = {
    "region": "eu-central-1", "bucket": "flies", "prefix": "deep/down/", "kms_key": "", "tags": ["owner=me", "a=b=c"], "poll": 0.001,
    "role": "arn:aws:iam::123456789012:role/flystage-jobs", "subnets": [], "security_groups": [],
}  # fmt: skip
LOADER = (
    botocore.loaders.create_loader()
)  # one for all tests, because each client reads megabytes of its service's model


@pytest.fixture
def account(monkeypatch):
    monkeypatch.setattr(botocore.session, "create_loader", lambda *_: LOADER)
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
    """Return a list that receives the name of each S3 operation that is sent."""
    calls = []
    account.s3.meta.events.register("before-call.s3", lambda model, **_: calls.append(model.name))
    return calls
