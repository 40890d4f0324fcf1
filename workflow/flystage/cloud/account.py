"""The AWS account: its clients, and what it says no to, in one sentence."""

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
# A throttled call is tried again with growing pauses, some five minutes in all.
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
POLICIES = "docs/aws.md lists the rights that are needed"


def check_login(steps):
    """Raise FlystageError when there are no AWS credentials here. steps: of the workflow, that run on AWS."""
    try:
        known, why = botocore.session.get_session().get_credentials(), ""
    except Exception as error:  # a damaged or missing profile
        known, why = None, f" ({error})"
    if known is None:
        raise FlystageError(
            f"compute: {', '.join(steps)} runs on AWS, and there are no AWS credentials here{why}: log in first (`aws configure`,"
            " `aws sso login` or AWS_PROFILE), or set compute to local."
        )


class Account:
    """The clients of one account and region, made when they are first used. settings: the configuration's `aws` section."""

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
                "No AWS region is known: set aws.region, for example to eu-central-1, or AWS_DEFAULT_REGION."
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
        """The twelve digits of the account that the credentials belong to. One request, which needs no right."""
        with explained("asking whose credentials these are"):
            return self.session.client("sts").get_caller_identity()["Account"]

    @property
    def bucket(self):
        return self.settings["bucket"]

    def key(self, *parts):
        """A key below the configured prefix."""
        return "/".join(filter(None, [self.settings["prefix"].strip("/"), *parts]))

    def uri(self, *parts):
        """The S3 URI of a key below the configured prefix."""
        return f"s3://{self.bucket}/{self.key(*parts)}"

    def folder(self, *parts):
        """The S3 URI of a folder, with a slash at its end."""
        return f"{self.uri(*parts)}/"

    @property
    def tag(self):
        """(key, value) of the tag by which the clean-up finds what this bucket and prefix left."""
        return "flystage", f"{self.bucket}/{self.key()}"

    @property
    def tags(self):
        """Tags of everything that is started, [{"Key", "Value"}]."""
        own = dict(entry.split("=", 1) for entry in self.settings["tags"])
        return [{"Key": key, "Value": value} for key, value in (own | dict([self.tag])).items()]

    @property
    def vpc(self):
        """{"VpcConfig": ..} where subnets are configured, else {}."""
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
        """How uploads are encrypted, as boto3's ExtraArgs."""
        key = self.settings["kms_key"]
        return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key} if key else {}

    def sdk_session(self):
        """A session of the SageMaker SDK that stages its files below our prefix, and makes no bucket and no telemetry.

        Importing the SDK takes 10 s: only where a job is started.
        """
        os.environ["SAGEMAKER_VALIDATE_ROLE"] = "false"  # else every trainer asks IAM about the role
        for place in ("USER", "ADMIN"):
            os.environ[f"SAGEMAKER_{place}_CONFIG_OVERRIDE"] = str(Path(__file__).with_name("sdk.yaml"))
        from sagemaker.core.helper.session_helper import Session

        bucket = self.bucket

        class OneBucket(Session):
            def default_bucket(self):  # the SDK would list all buckets, and make one that is missing
                return bucket

        return OneBucket(boto_session=self.session, default_bucket_prefix=self.key())


@contextmanager
def explained(doing):
    """Turn what AWS refuses into a FlystageError. doing: what was tried, as in "uploading the images"."""
    try:
        yield
    except NO_LOGIN as error:
        raise FlystageError(
            f"{_start(doing)}: there are no AWS credentials ({_line(error)}); log in (aws configure, aws sso login, or a role of"
            " this machine) and run again."
        ) from error
    except botocore.exceptions.ClientError as error:
        raise FlystageError(f"{_start(doing)}: {refusal(error)}") from error
    except S3UploadFailedError as error:  # boto3 hides what S3 said behind it
        said = error.__context__
        reason = refusal(said) if isinstance(said, botocore.exceptions.ClientError) else _line(error)
        raise FlystageError(f"{_start(doing)}: {reason}") from error
    except (botocore.exceptions.ConnectionError, botocore.exceptions.HTTPClientError) as error:
        raise FlystageError(
            f"{_start(doing)}: AWS cannot be reached ({_line(error)}); check the network and aws.region, and run again."
        ) from error
    except botocore.exceptions.InvalidRegionError as error:
        raise FlystageError(f"{_start(doing)}: {_line(error)}; correct aws.region.") from error
    except botocore.exceptions.ParamValidationError as error:
        raise FlystageError(f"{_start(doing)}: AWS would not take this request ({_line(error)}).") from error


def refusal(error):
    """One sentence for a botocore ClientError."""
    code, text = error.response["Error"].get("Code", ""), _line(error.response["Error"].get("Message", ""))
    call = error.operation_name
    if code in REFUSED_LOGIN:
        return f"AWS does not accept these credentials any more ({code}); log in again and run again."
    if code in DENIED:
        return f"AWS does not allow {call} ({text}); {POLICIES}."
    if code in ("NoSuchBucket", "404") and call in (
        "HeadBucket",
        "ListObjectsV2",
        "PutObject",
        "CreateMultipartUpload",
    ):
        return "there is no such bucket; make it, or correct aws.bucket."
    if code in ("301", "PermanentRedirect", "AuthorizationHeaderMalformed"):
        return "the bucket lies in another region; set aws.region to that of the bucket."
    if code in THROTTLED:
        return f"AWS throttles {call} however often it is tried ({text}); run again later."
    if code == "ResourceLimitExceeded":
        return (
            f"a quota of the account is too small ({text}); raise it under Service Quotas, or ask for another instance."
        )
    if "assume role" in text.lower() or "assume the role" in text.lower():
        return f"SageMaker may not use the role aws.role ({text}); {POLICIES}."
    return f"AWS refused {call} ({code}: {text})."


def not_found(error):
    """Whether a ClientError of describe or delete only says that there is no such thing."""
    code, text = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", "").lower()
    return code in ("ResourceNotFound", "ResourceNotFoundException", "404", "NoSuchKey") or (
        code == "ValidationException" and ("could not find" in text or "not found" in text or "does not exist" in text)
    )


def check_bucket(account):
    """Raise FlystageError unless the bucket is there, may be used and lies in the region of the jobs. One request."""
    with explained(f"looking for the bucket {account.bucket}"):
        where = account.s3.head_bucket(Bucket=account.bucket).get("BucketRegion")
    if where not in (None, account.session.region_name):  # a job would be refused after everything was uploaded
        raise FlystageError(
            f"SageMaker: the bucket {account.bucket} lies in {where}, and aws.region is {account.session.region_name}; set"
            " aws.region to that of the bucket, or name another bucket."
        )


def _line(text):
    return re.sub(r"\s+", " ", str(text)).strip().rstrip(".")


def _start(doing):
    return f"SageMaker, {doing}"
