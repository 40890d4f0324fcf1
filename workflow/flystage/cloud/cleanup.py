"""Finding what a killed run left on SageMaker by its tag, and taking it down."""

import logging

from flystage.cloud.account import Account, explained
from flystage.cloud.endpoint import take_down

log = logging.getLogger("flystage")
PREFIX = "flystage-"


def clean_up(aws):
    """Delete endpoints, their configurations and models that carry this bucket's and prefix's tag; name jobs that still run.

    aws: the configuration's section. Jobs are not stopped: they end by themselves, and a rerun takes their results.
    Returns the names that were deleted.
    """
    account = Account(aws)
    client, found = account.sagemaker, set()
    with explained("looking for what was left behind"):
        for call, entries, name in (
            ("list_endpoints", "Endpoints", "EndpointName"),
            ("list_endpoint_configs", "EndpointConfigs", "EndpointConfigName"),
            ("list_models", "Models", "ModelName"),
        ):
            for page in client.get_paginator(call).paginate(NameContains=PREFIX):
                for entry in page[entries]:
                    arn = entry[f"{name.removesuffix('Name')}Arn"]
                    if _is_ours(account, arn):
                        found.add(entry[name])
        running = [
            entry["TrainingJobName"]
            for page in client.get_paginator("list_training_jobs").paginate(
                NameContains=PREFIX, StatusEquals="InProgress"
            )
            for entry in page["TrainingJobSummaries"]
            if _is_ours(account, entry["TrainingJobArn"])
        ]
    for name in sorted(found):
        log.warning("SageMaker: taking down %s", name)
        take_down(account, name)
    if not found:
        log.warning("SageMaker: no endpoint, configuration or model of %s is left", account.tag[1])
    for name in running:
        log.warning("SageMaker: training job %s is at work; run the workflow again to take its result, or stop it by"
                    " `aws sagemaker stop-training-job --training-job-name %s`", name, name)  # fmt: skip
    return sorted(found)


def _is_ours(account, arn):
    key, value = account.tag
    pages = account.sagemaker.get_paginator("list_tags").paginate(ResourceArn=arn)
    return any(tag["Key"] == key and tag["Value"] == value for page in pages for tag in page["Tags"])
