"""The AWS account: its clients, names and tags, and plain messages for the errors of AWS."""

import logging
import os
import re
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import boto3
import botocore.exceptions
import botocore.session
from boto3.exceptions import S3UploadFailedError
from botocore.config import Config

from flystage.core.errors import FlystageError

log = logging.getLogger("flystage")
# Retry a throttled call with growing pauses, for about five minutes in total.
CALLS = Config(retries={"mode": "standard", "max_attempts": 12}, max_pool_connections=32, user_agent_extra="flystage")
NO_LOGIN = (
    botocore.exceptions.NoCredentialsError,
    botocore.exceptions.PartialCredentialsError,
    botocore.exceptions.CredentialRetrievalError,
    botocore.exceptions.TokenRetrievalError,
    botocore.exceptions.SSOTokenLoadError,
    botocore.exceptions.UnauthorizedSSOTokenError,
    botocore.exceptions.ProfileNotFound,
)
REFUSED_LOGIN = {
    "ExpiredToken", "ExpiredTokenException", "RequestExpired", "InvalidClientTokenId", "UnrecognizedClientException",
    "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidSignatureException", "AuthFailure", "InvalidToken",
}  # fmt: skip
DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403", "AllAccessDisabled"}
THROTTLED = {"ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded", "SlowDown"}
POLICIES = "docs/aws.md lists the rights that you need"


def check_login(steps):
    """Raise FlystageError if this machine has no AWS credentials. steps: the workflow's steps that run on AWS."""
    try:
        known, why = botocore.session.get_session().get_credentials(), ""
    except Exception as error:  # a damaged or missing profile
        known, why = None, f" ({error})"
    if known is None:
        raise FlystageError(
            f"Configuration, compute: {', '.join(steps)} needs AWS, but no AWS credentials were found{why}. Log in with"
            " `aws configure`, `aws sso login` or AWS_PROFILE, or set compute to local."
        )


class Account:
    """The clients of one account and region, created when they are first used. settings: the configuration's `aws` section."""

    def __init__(self, settings):
        self.settings = settings

    @cached_property
    def session(self):
        core = botocore.session.get_session()
        core.set_default_client_config(CALLS)
        region = self.settings["region"]
        session = boto3.Session(region_name=None if region == "auto" else region, botocore_session=core)
        if session.region_name is None:
            raise FlystageError(
                "No AWS region is set. Set aws.region, for example to eu-central-1, or the variable AWS_DEFAULT_REGION."
            )
        return session

    @cached_property
    def s3(self):
        return self.session.client("s3")

    @cached_property
    def sagemaker(self):
        return self.session.client("sagemaker")

    @cached_property
    def runtime(self):
        return self.session.client("sagemaker-runtime")

    @cached_property
    def logs(self):
        return self.session.client("logs")

    @cached_property
    def number(self):
        """Return the twelve digits of the account that the credentials belong to. Sends one request, which needs no rights."""
        with explained("finding the account of these credentials"):
            return self.session.client("sts").get_caller_identity()["Account"]

    @property
    def bucket(self):
        return self.settings["bucket"]

    def key(self, *parts):
        """Return a key below the configured prefix."""
        return "/".join(filter(None, [self.settings["prefix"].strip("/"), *parts]))

    def uri(self, *parts):
        """Return the S3 URI of a key below the configured prefix."""
        return f"s3://{self.bucket}/{self.key(*parts)}"

    def folder(self, *parts):
        """Return the S3 URI of a folder, with a slash at its end."""
        return f"{self.uri(*parts)}/"

    @property
    def tag(self):
        """Return (key, value) of the tag by which the clean-up finds what belongs to this bucket and prefix."""
        return "flystage", f"{self.bucket}/{self.key()}"

    @property
    def tags(self):
        """Return the tags of everything that flystage starts, as [{"Key", "Value"}]."""
        own = dict(entry.split("=", 1) for entry in self.settings["tags"])
        return [{"Key": key, "Value": value} for key, value in (own | dict([self.tag])).items()]

    @property
    def vpc(self):
        """Return {"VpcConfig": ..} if subnets are configured, else {}."""
        if not self.settings["subnets"]:
            return {}
        return {
            "VpcConfig": {
                "Subnets": self.settings["subnets"],
                "SecurityGroupIds": self.settings["security_groups"],
            }
        }

    @property
    def encryption(self):
        """Return boto3's ExtraArgs for the encryption of uploads."""
        key = self.settings["kms_key"]
        return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key} if key else {}

    def sdk_session(self):
        """Return a session of the SageMaker SDK that keeps its files below our prefix, creates no bucket and sends no telemetry.

        Importing the SDK takes 10 s, so call this only to start a job.
        """
        os.environ["SAGEMAKER_VALIDATE_ROLE"] = "false"  # otherwise every trainer asks IAM about the role
        for place in ("USER", "ADMIN"):
            os.environ[f"SAGEMAKER_{place}_CONFIG_OVERRIDE"] = str(Path(__file__).with_name("sdk.yaml"))
        from sagemaker.core.helper.session_helper import Session

        bucket = self.bucket

        class OneBucket(Session):
            def default_bucket(self):  # the SDK would list all buckets and create a missing one
                return bucket

        return OneBucket(boto_session=self.session, default_bucket_prefix=self.key())


@contextmanager
def explained(doing):
    """Raise errors of AWS as FlystageError. doing: the action that failed, as in "uploading the images"."""
    try:
        yield
    except NO_LOGIN as error:
        raise FlystageError(
            f"{_start(doing)}: no AWS credentials were found ({_line(error)}). Log in with `aws configure` or `aws sso login`,"
            " or use a role of this machine, and run the same command again."
        ) from error
    except botocore.exceptions.ClientError as error:
        raise FlystageError(f"{_start(doing)}: {refusal(error)}") from error
    except S3UploadFailedError as error:  # boto3 hides the answer of S3 in the context of this error
        said = error.__context__
        reason = refusal(said) if isinstance(said, botocore.exceptions.ClientError) else _line(error)
        raise FlystageError(f"{_start(doing)}: {reason}") from error
    except (botocore.exceptions.ConnectionError, botocore.exceptions.HTTPClientError) as error:
        raise FlystageError(
            f"{_start(doing)}: AWS did not answer ({_line(error)}). Check the network and aws.region, and run the same command"
            " again."
        ) from error
    except botocore.exceptions.InvalidRegionError as error:
        raise FlystageError(f"{_start(doing)}: {_line(error)}. Correct aws.region.") from error
    except botocore.exceptions.ParamValidationError as error:
        raise FlystageError(
            f"{_start(doing)}: the request is not valid for AWS ({_line(error)}). Check the aws section of the configuration."
        ) from error


def refusal(error):
    """Return one line that explains a botocore ClientError and says what to do."""
    code, text = error.response["Error"].get("Code", ""), _line(error.response["Error"].get("Message", ""))
    call = error.operation_name
    if code in REFUSED_LOGIN:
        return f"AWS no longer accepts these credentials ({code}). Log in again and run the same command again."
    if code in DENIED:
        return f"AWS does not allow {call} ({text}). {POLICIES}."
    if code in ("NoSuchBucket", "404") and call in (
        "HeadBucket",
        "ListObjectsV2",
        "PutObject",
        "CreateMultipartUpload",
    ):
        return "this bucket does not exist. Create it or correct aws.bucket."
    if code in ("301", "PermanentRedirect", "AuthorizationHeaderMalformed"):
        return "the bucket is in another region. Set aws.region to the region of the bucket."
    if code in THROTTLED:
        return f"AWS still throttles {call} after many attempts ({text}). Run the same command again later."
    if code == "ResourceLimitExceeded":
        return f"a quota of your AWS account is too small ({text}). Raise it under Service Quotas, or choose another instance."
    if "assume role" in text.lower() or "assume the role" in text.lower():
        return f"SageMaker may not use the role in aws.role ({text}). {POLICIES}."
    return f"AWS refused {call} ({code}: {text})."


def not_found(error):
    """Return whether a ClientError of describe or delete only says that the resource does not exist."""
    code, text = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", "").lower()
    return code in ("ResourceNotFound", "ResourceNotFoundException", "404", "NoSuchKey") or (
        code == "ValidationException" and ("could not find" in text or "not found" in text or "does not exist" in text)
    )


def check_bucket(account):
    """Raise FlystageError unless the bucket exists, is accessible and is in the region of the jobs. Sends one request."""
    with explained(f"looking for the bucket {account.bucket}"):
        where = account.s3.head_bucket(Bucket=account.bucket).get("BucketRegion")
    if where not in (None, account.session.region_name):  # otherwise AWS refuses the job after the whole upload
        raise FlystageError(
            f"SageMaker: the bucket {account.bucket} is in {where}, but aws.region is {account.session.region_name}. Set"
            f" aws.region to {where}, or set aws.bucket to a bucket in that region."
        )


def _line(text):
    return re.sub(r"\s+", " ", str(text)).strip().rstrip(".")


def _start(doing):
    return f"SageMaker, {doing}"
