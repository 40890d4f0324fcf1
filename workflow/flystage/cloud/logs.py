"""What a job says, from CloudWatch into the rule's log while it runs."""

import logging

from flystage.cloud.account import explained, not_found

log = logging.getLogger("flystage")
GROUP = "/aws/sagemaker/TrainingJobs"
MOST_LINES = 25  # of the end of a failed job's log


class LogStream:
    """Follows the log of one training job; every call of `tell` writes what is new, each host's lines with its name."""

    def __init__(self, account, job):
        self.account, self.job = account, job
        self.tokens = {}

    def tell(self):
        """Write the lines that have come since the last call to the log."""
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
    """The last lines of a training job's log, as a list of texts; empty when there is none."""
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
    """Names of the log streams of a job, one per host. A group or stream that is not there yet is no error."""
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
