"""Tests that the log lines of a job's hosts are copied, each once."""

import time

from flystage.cloud import logs


def test_log_lines_of_all_hosts_are_copied_once(account, caplog):
    caplog.set_level("INFO")
    client, now = account.logs, int(time.time() * 1000)
    logs_of = logs.LogStream(account, "job")
    logs_of.tell()  # the log does not exist yet
    client.create_log_group(logGroupName=logs.GROUP)
    for number in (1, 2):
        stream = f"job/algo-{number}-1700000000"
        client.create_log_stream(logGroupName=logs.GROUP, logStreamName=stream)
        events = [{"timestamp": now + line, "message": f"line {line}"} for line in range(3)]
        client.put_log_events(logGroupName=logs.GROUP, logStreamName=stream, logEvents=events)
    logs_of.tell()
    logs_of.tell()
    said = [record.getMessage() for record in caplog.records if " | " in record.getMessage()]
    assert said == [f"algo-{number} | line {line}" for number in (1, 2) for line in range(3)]
    client.put_log_events(
        logGroupName=logs.GROUP, logStreamName=stream, logEvents=[{"timestamp": now + 9, "message": "more"}]
    )
    logs_of.tell()
    assert caplog.records[-1].getMessage() == "algo-2 | more"
    assert logs.end_of_log(account, "job")[-1] == "algo-2 | more"
    assert logs.end_of_log(account, "jo") == []  # the name of another job has the same start
