"""Print to the terminal while Snakemake works: a line for each job with the time left, and users' errors without a stack.

Snakemake's own messages, such as reasons, lists of files and stacks, stay in its log, .snakemake/log.
"""

import logging
import re
import signal
import sys
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

from flystage.run.output import stop_as_ctrl_c_does, unbroken

STOPPED = "Stopped. Run the same command again to continue."
MISTAKE = "Mistake"  # the name of the exception whose text is written for the user
# Beginnings of Snakemake's messages that are not shown.
CHATTER = (
    "Assuming unrestricted shared filesystem usage", "Complete log(s):", "Conda environments: ignored", "Config file ",
    "DAG of jobs will be updated after completion", "Elapsed time:", "Exiting because a job execution failed",
    "Group jobs: inactive", "Removing output files of failed job", "Select jobs to execute",
    "Shutting down, this might take some time", "Singularity containers: ignored", "Touching output file",
    "Updating checkpoint dependencies.", "Using shell:",
)  # fmt: skip
NO_LOG = "Failed to setup log file"
NOT_WRITTEN = ("ProtectedOutputException", "PermissionError", "OSError")  # in a folder that may only be read
SILENT = ("workflow_started", "resources_info", "job_started", "job_finished", "progress", "group_info", "shellcmd")
INTERRUPTED = "Terminating processes on user request, this might take some time."
TERMINATED = "Will exit after finishing currently running jobs (scheduler)."
IN_PLAIN_WORDS = {
    "Building DAG of jobs...": "Checking which results are up to date ...",
    INTERRUPTED: "Stopping ...",
    TERMINATED: "Stopping after the running jobs have ended ...",
}
EXCEPTION = re.compile(r'^\w+(?: in rule .*?)?(?: in file ".*?", line \d+)?:\n(.*?)(?:\n  File ".*)?$', re.DOTALL)
EXIT = re.compile(r"returned non-zero exit status (\d+)|died with <Signals\.(\w+)")
LOGGED = re.compile(r"\d{4}-\d\d-\d\d [\d:,]+ (\w+) (.*)")  # as `rule_log` writes it
LAST_LINES = 10  # of a log without an error message


class Sentences(logging.Formatter):
    """Snakemake's formatter, except that a user's error is only its message, without a place in the code."""

    def __init__(self, otherwise):
        super().__init__()
        self.otherwise = otherwise

    def format(self, record):
        return mistake_in(record) or self.otherwise.format(record)


class Terminal(logging.StreamHandler):
    """A handler of Snakemake's log records that replaces Snakemake's own, on the same stream and with its filters.

    decorate: a function (record, text) that colours warnings and errors. benchmarks: a function that returns the folder with
    the times that jobs took in earlier runs. made: a function that returns the lines on existing results, for a run with nothing
    to do. clock: a function that returns seconds.
    """

    def __init__(self, stream, decorate, benchmarks, made=list, clock=time.monotonic):
        super().__init__(stream)
        self.decorate, self.benchmarks, self.made, self.clock = decorate, benchmarks, made, clock
        self.stopped = self.interrupted = False  # by Ctrl-C or SIGTERM; by Ctrl-C
        self.failed = set()  # jobs
        self.progress = Progress({}, {})
        self.messages = {}  # {job: what it does}
        self.endings = {}  # {thread: signal that ended a job}, until its job_error record follows
        self.read_only = ""  # why nothing can be written here
        self.refusals = {}  # {thread: why Slurm did not take a job}, see `refused`

    def emit(self, record):
        if text := self.in_words(record):
            self.stream.write((text if record.levelno < logging.WARNING else self.decorate(record, text)) + "\n")
            self.flush()

    def in_words(self, record):
        """Return the text to show for a record, or "" to show nothing."""
        event = getattr(record, "event", None)
        if event in ("run_info", "job_info", "job_finished", "error", "job_error", "group_error"):
            return getattr(self, f"_{event}")(record) or ""
        text = str(record.msg or "")
        if event in SILENT or text.startswith(CHATTER) or self.read_only and text.startswith(NO_LOG):
            return ""
        self.interrupted = self.interrupted or text == INTERRUPTED
        self.stopped = self.stopped or text in (INTERRUPTED, TERMINATED)
        if again := re.fullmatch(r"Trying to restart job (\w+)\.", text):
            self.failed.discard(again[1])
            return f"Trying again: {self._message(again[1])}"
        if text.startswith("Nothing to be done"):
            return "\n".join([text, *self.made()])
        return IN_PLAIN_WORDS.get(text, text)

    def _run_info(self, record):
        counts = {rule: count for rule, count in record.stats.items() if rule not in ("all", "total")}
        self.progress = Progress(counts, known_times(self.benchmarks(), counts))
        return f"{number(sum(counts.values()), 'job')} to do."

    def _job_info(self, record):
        if not record.rule_msg and not record.output:
            return ""  # a target does nothing itself
        job = str(record.jobid)
        self.messages[job] = record.rule_msg or record.rule_name
        place = self.progress.begin(job, record.rule_name, self.clock())
        left = self.progress.left(self.clock())
        return f"[{', '.join(filter(None, [place, left]))}] {self.messages[job]}"

    def _job_finished(self, record):
        self.progress.end(str(record.job_id), self.clock())

    def _error(self, record):
        text = str(record.msg)
        if record.exception == "RuleException" and (ended := EXIT.search(text)):
            self.endings[threading.get_ident()] = signal_of(ended)
            return ""  # the job printed the reason, and the next record names the job
        if self.read_only and record.exception in NOT_WRITTEN:
            return self.read_only
        if "At least one job did not complete successfully" in text or record.exception == "KeyboardInterrupt":
            return ""
        return mistake_in(record) or text

    @contextmanager
    def refused(self, sentence):
        """Show this sentence for the job that Slurm does not take, whose records follow in this thread."""
        self.refusals[threading.get_ident()] = [sentence]
        try:
            yield
        finally:
            del self.refusals[threading.get_ident()]

    def _job_error(self, record):
        if (refusals := self.refusals.get(threading.get_ident())) is not None:
            return self._refused(refusals, [str(record.jobid)])
        ended_by = self.endings.pop(threading.get_ident(), None)
        if ended_by == "SIGINT" or self.interrupted:  # Ctrl-C reaches the jobs as well
            return ""
        elsewhere = bool(record.aux)  # on a node of a cluster, whose output is not shown here
        said = errors_in(record.log) if elsewhere else []
        if elsewhere and record.indent and not said:
            return ""  # another job of its group failed
        self.failed.add(str(record.jobid))
        by = (
            f": ended by {ended_by}" + (", perhaps because memory ran out" * (ended_by == "SIGKILL"))
            if ended_by
            else ""
        )
        if elsewhere and not said and not record.indent:
            said = [*reasons(record.rule_msg), *last_lines(record.log[-1:])]
        logs = f" Log: {', '.join(map(str, record.log))}" if record.log else ""
        return "\n".join([*said, f"Failed: {self._message(record.jobid)} (rule {record.rule_name}){by}.{logs}"])

    def _refused(self, refusals, jobs):
        """Return the text for jobs that never began, so that their logs are of an earlier run; "" if it was shown."""
        if not refusals:
            return ""
        self.failed |= set(jobs)
        return f"{refusals.pop()}\nFailed: {self._message(jobs[0])}{f' and {len(jobs) - 1} more' * (len(jobs) > 1)}."

    def _group_error(self, record):
        if (refusals := self.refusals.get(threading.get_ident())) is not None:
            return self._refused(refusals, [str(job["jobid"]) for job in record.job_error_info])
        logs = [log for job in record.job_error_info for log in job["log"]]
        if errors_in(logs):
            return ""  # each job has its own message
        self.failed |= {str(job["jobid"]) for job in record.job_error_info}
        reason = [*reasons(getattr(record, "msg", "")), *last_lines(record.aux_logs[-1:])]
        rules = ", ".join(sorted({job["rule_name"] for job in record.job_error_info}))
        return "\n".join(
            [*reason, f"Failed: jobs submitted together (rule {rules}). Log: {', '.join(record.aux_logs)}"]
        )

    def _message(self, job):
        return self.messages.get(str(job), f"job {job}")

    def end_of_failure(self, logs):
        """Return the last line of a run that failed or was stopped. logs: paths of Snakemake's logs."""
        if self.stopped:
            return STOPPED
        failed = f"{number(len(self.failed), 'job')} failed. " if self.failed else ""
        return (
            f"{failed}Fix the problem and run the same command again. Finished steps are not repeated."
            f" Full log: {', '.join(logs)}"
        )


class Progress:
    """Count the jobs that have begun and estimate the time left from the jobs of the same rule, in this or an earlier run.

    counts: {rule: number of jobs}. times: {rule: seconds that a job took in an earlier run}.
    """

    def __init__(self, counts, times):
        self.counts, self.times = counts, times
        self.places, self.begun = {}, {}  # by job
        self.taken = {}  # {rule: [seconds]}
        self.start = None

    def begin(self, job, rule, now):
        """Note that a job begins at `now` seconds. Return its place, such as 3/15. A job that is tried again keeps its place."""
        self.start = now if self.start is None else self.start
        self.begun[job] = (rule, now)
        total = max(sum(self.counts.values()), len(self.places | {job: 0}))
        return f"{self.places.setdefault(job, len(self.places) + 1):>{len(str(total))}}/{total}"

    def end(self, job, now):
        """Note that a job has succeeded at `now` seconds."""
        if job in self.begun:
            rule, then = self.begun.pop(job)
            self.taken.setdefault(rule, []).append(now - then)

    def left(self, now):
        """Return in words how long the remaining jobs take, or "" while that is unknown."""
        seconds, unknown = 0, False
        running = {}
        for rule, then in self.begun.values():
            running.setdefault(rule, []).append(now - then)
        for rule, count in self.counts.items():
            taken = self.taken.get(rule, [])
            one = sum(taken) / len(taken) if taken else self.times.get(rule)
            if one is None:
                unknown = unknown or count > len(taken)
                continue
            under_way = running.get(rule, [])
            waiting = count - len(taken) - len(under_way)
            seconds += max(waiting, 0) * one + sum(max(one - since, 0) for since in under_way)
        if not seconds:
            return ""
        done = sum(map(sum, self.taken.values())) + sum(map(sum, running.values()))
        side_by_side = max(1, done / max(now - self.start, 1))
        return f"{'at least' if unknown else 'about'} {duration(seconds / side_by_side)} left"


def known_times(folder, rules):
    """Return {rule: mean seconds of its jobs in an earlier run} from the benchmarks in `folder`."""
    times = {}
    for rule in rules:
        seconds = []
        for path in [Path(folder, f"{rule}.tsv"), *Path(folder, rule).glob("*.tsv")]:
            try:
                seconds.append(float(path.read_text(encoding="utf-8").splitlines()[1].split("\t")[0]))
            except (OSError, ValueError, IndexError):
                continue
        if seconds:
            times[rule] = sum(seconds) / len(seconds)
    return times


def mistake_in(record):
    """Return the message of a record about a user's error; None for any other record."""
    if getattr(record, "exception", None) != MISTAKE:
        return None
    found = EXCEPTION.match(str(record.msg))
    return found[1] if found else str(record.msg)


def signal_of(ended):
    """Return the name of the signal that ended a job; None if no signal ended it. ended: the match of EXIT."""
    status, name = ended.groups()
    if name:
        return name
    try:
        return signal.Signals(int(status) - 128).name  # a shell reports 128 plus the number of the signal
    except ValueError:
        return None


def errors_in(logs):
    """Return the lines of errors in the logs of rules, without tracebacks."""
    texts = []
    for log in logs:
        error = False
        for line in _lines(log):
            if found := LOGGED.match(line):
                error = found[1] == "ERROR"
                texts += [found[2]] * error
            elif line.startswith("Traceback (most recent call last)"):
                error = False
            elif error:
                texts.append(line)
    return texts


def last_lines(logs):
    """Return the last LAST_LINES lines of each log."""
    return [line for log in logs for line in _lines(log)[-LAST_LINES:]]


def reasons(message):
    """Return an executor's reason for a failure, without its hint where to look: a list of at most one line."""
    return [line for line in [(message or "").split("For further error details")[0].strip()] if line]


def _lines(path):
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def number(count, thing):
    """Return a count with its noun: 1 job, 2 jobs."""
    return f"{count} {thing}{'' if count == 1 else 's'}"


def duration(seconds):
    """Return a duration in short words: 20 s, 3 min, 2 h 10 min."""
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def speak_plainly(logger, benchmarks, made, whole):
    """Replace Snakemake's handler by a Terminal and return it; None if nothing was replaced.

    whole: whether to keep all messages of Snakemake, as for a dry run or --verbose. Then only users' errors are shortened.
    """
    for place, handler in enumerate(logger.handlers):
        if handler.name != "DefaultStreamHandler":
            continue
        handler.stream = handler.stream or sys.stderr
        if whole:
            unbroken(handler, stop_as_ctrl_c_does).setFormatter(Sentences(handler.formatter))
            return None
        terminal = Terminal(handler.stream, handler.decorate, benchmarks, made)
        terminal.filters = handler.filters
        logger.handlers[place] = unbroken(terminal, stop_as_ctrl_c_does)
        sys.excepthook = _stopped_early
        return terminal
    return None


def _stopped_early(kind, error, stack):
    if issubclass(kind, KeyboardInterrupt):  # while Snakemake still plans the jobs
        with suppress(OSError):
            print(STOPPED, file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, stack)
