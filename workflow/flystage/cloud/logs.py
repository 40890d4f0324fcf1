"""Copy the log of a running job from CloudWatch into the log of the rule."""

import logging

from flystage.cloud.account import explained, not_found

log = logging.getLogger("flystage")
GROUP = "/aws/sagemaker/TrainingJobs"
MOST_LINES = 25  # from the end of a failed job's log


class LogStream:
    """Follow the log of one training job. Each call of `tell` writes the new lines, each with the name of its host."""

    def __init__(self, account, job):
        self.account, self.job = account, job
        self.tokens = {}

    def tell(self):
        """Write the lines that are new since the last call to the log."""
        with explained(f"reading the log of {self.job}"):
            for stream in _streams(self.account, self.job):
                while True:
                    token = self.tokens.get(stream)
                    page = self.account.logs.get_log_events(
                        logGroupName=GROUP,
                        logStreamName=stream,
                        startFromHead=True,
                        **({"nextToken": token} if token else {}),
                    )
                    for event in page["events"]:
                        log.info("%s | %s", _host(stream), event["message"].rstrip())
                    self.tokens[stream] = page["nextForwardToken"]
                    if not page["events"] or page["nextForwardToken"] == token:
                        break


def end_of_log(account, job):
    """Return the last lines of a training job's log as a list of texts. The list is empty if the job has no log."""
    with explained(f"reading the log of {job}"):
        lines = []
        for stream in _streams(account, job):
            page = account.logs.get_log_events(
                logGroupName=GROUP, logStreamName=stream, startFromHead=False, limit=MOST_LINES
            )
            lines += [
                (event["timestamp"], f"{_host(stream)} | {event['message'].rstrip()}") for event in page["events"]
            ]
    return [text for _, text in sorted(lines, key=lambda line: line[0])[-MOST_LINES:]]


def _streams(account, job):
    """Return the names of a job's log streams, one per host. A group or stream that does not exist yet is not an error."""
    try:
        pages = account.logs.get_paginator("describe_log_streams").paginate(
            logGroupName=GROUP, logStreamNamePrefix=f"{job}/"
        )
        return [stream["logStreamName"] for page in pages for stream in page["logStreams"]]
    except account.logs.exceptions.ClientError as error:
        if not_found(error):
            return []
        raise


def _host(stream):
    return "-".join(stream.split("/", 1)[1].split("-")[:2])  # <job>/algo-1-1700000000
