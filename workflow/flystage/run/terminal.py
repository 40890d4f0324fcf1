"""What the terminal says while Snakemake works: a line for each job with what is left, and mistakes as one sentence.

Snakemake's own words (its reasons, lists of files, stacks) stay in its log, .snakemake/log.
"""

import logging
import re
import signal
import sys
import threading
import time
from pathlib import Path

STOPPED = "Stopped; run the same command again to go on."
MISTAKE = "Mistake"  # the name of the exception whose text is written for the user
# What Snakemake says in passing, by how it begins.
CHATTER = (
    "Assuming unrestricted shared filesystem usage", "Complete log(s):", "Conda environments: ignored", "Config file ",
    "Elapsed time:", "Exiting because a job execution failed", "Group jobs: inactive", "Removing output files of failed job",
    "Select jobs to execute", "Shutting down, this might take some time", "Singularity containers: ignored", "Using shell:",
)  # fmt: skip
SILENT = ("workflow_started", "resources_info", "job_started", "job_finished", "progress", "group_info", "shellcmd")
INTERRUPTED = "Terminating processes on user request, this might take some time."
TERMINATED = "Will exit after finishing currently running jobs (scheduler)."
IN_PLAIN_WORDS = {
    "Building DAG of jobs...": "Looking at what is there and what is to be done ...",
    INTERRUPTED: "Stopping ...",
    TERMINATED: "Stopping as soon as the jobs at work have ended ...",
}
EXCEPTION = re.compile(r'^\w+(?: in rule .*?)?(?: in file ".*?", line \d+)?:\n(.*?)(?:\n  File ".*)?$', re.DOTALL)
EXIT = re.compile(r"returned non-zero exit status (\d+)|died with <Signals\.(\w+)")
LOGGED = re.compile(r"\d{4}-\d\d-\d\d [\d:,]+ (\w+) (.*)")  # as `rule_log` writes it
LAST_LINES = 10  # of a log, where it holds no sentence


class Sentences(logging.Formatter):
    """Snakemake's formatter, but a mistake of the user's is the sentence that says so, without a place in the code."""

    def __init__(self, otherwise):
        super().__init__()
        self.otherwise = otherwise

    def format(self, record):
        return mistake_in(record) or self.otherwise.format(record)


class Terminal(logging.StreamHandler):
    """In the place of Snakemake's own handler of its log records, on the same stream and with its filters.

    decorate: a function (record, text) that colours warnings and errors. benchmarks: a function that gives the folder with
    the times that jobs took in earlier runs. made: a function that gives the lines on what there is, for a run with nothing to do.
    """

    def __init__(self, stream, decorate, benchmarks, made=list, clock=time.monotonic):
        super().__init__(stream)
        self.decorate, self.benchmarks, self.made, self.clock = decorate, benchmarks, made, clock
        self.stopped = self.interrupted = False  # by Ctrl-C or SIGTERM; by Ctrl-C
        self.failed = set()  # jobs
        self.progress = Progress({}, {})
        self.messages = {}  # what each job does, in words
        self.endings = {}  # by thread: the signal that ended a job of which no more is said yet

    def emit(self, record):
        text = self.in_words(record)
        if text:
            self.stream.write((text if record.levelno < logging.WARNING else self.decorate(record, text)) + "\n")
            self.flush()

    def in_words(self, record):
        """What is shown of a record; nothing if it is empty."""
        event = getattr(record, "event", None)
        if event in ("run_info", "job_info", "job_finished", "error", "job_error", "group_error"):
            return getattr(self, f"_{event}")(record) or ""
        text = str(record.msg or "")
        if event in SILENT or text.startswith(CHATTER):
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
            return ""  # a target, which does nothing
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
            return ""  # the job has said why, and what follows says which
        if "At least one job did not complete successfully" in text or record.exception == "KeyboardInterrupt":
            return ""
        return mistake_in(record) or text

    def _job_error(self, record):
        ended_by = self.endings.pop(threading.get_ident(), None)
        if ended_by == "SIGINT" or self.interrupted:  # Ctrl-C reaches the jobs as well
            return ""
        elsewhere = bool(record.aux)  # on a node of a cluster: what it said was not seen here
        said = errors_in(record.log) if elsewhere else []
        if elsewhere and record.indent and not said:
            return ""  # another of its group failed
        self.failed.add(str(record.jobid))
        by = f": ended by {ended_by}" + (", as when memory runs out" * (ended_by == "SIGKILL")) if ended_by else ""
        if elsewhere and not said and not record.indent:
            said = [*reasons(record.rule_msg), *last_lines(record.log[-1:])]
        logs = f" Log: {', '.join(map(str, record.log))}" if record.log else ""
        return "\n".join([*said, f"Failed: {self._message(record.jobid)} (rule {record.rule_name}){by}.{logs}"])

    def _group_error(self, record):
        logs = [log for job in record.job_error_info for log in job["log"]]
        if errors_in(logs):
            return ""  # told of each job
        self.failed |= {str(job["jobid"]) for job in record.job_error_info}
        reason = [*reasons(getattr(record, "msg", "")), *last_lines(record.aux_logs[-1:])]
        rules = ", ".join(sorted({job["rule_name"] for job in record.job_error_info}))
        return "\n".join(
            [*reason, f"Failed: jobs that share a submission (rule {rules}). Log: {', '.join(record.aux_logs)}"]
        )

    def _message(self, job):
        return self.messages.get(str(job), f"job {job}")

    def end_of_failure(self, logs):
        """The last words of a run that did not come to its end. logs: of Snakemake."""
        if self.stopped:
            return STOPPED
        failed = f"{number(len(self.failed), 'job')} failed. " if self.failed else ""
        return (
            f"{failed}Run the same command again when it is mended; what is finished is not done twice."
            f" All that Snakemake said: {', '.join(logs)}"
        )


class Progress:
    """How many jobs have begun and how long the others take: as long as those of their rule took, now or the last time.

    counts: {rule: number of jobs}. times: {rule: seconds that a job took in an earlier run}.
    """

    def __init__(self, counts, times):
        self.counts, self.times = counts, times
        self.places, self.begun = {}, {}  # by job
        self.taken = {}  # {rule: [seconds]}
        self.start = None

    def begin(self, job, rule, now):
        """Note that a job begins. Returns its place, 3/15; a job that is tried again keeps it."""
        self.start = now if self.start is None else self.start
        self.begun[job] = (rule, now)
        total = max(sum(self.counts.values()), len(self.places | {job: 0}))
        return f"{self.places.setdefault(job, len(self.places) + 1):>{len(str(total))}}/{total}"

    def end(self, job, now):
        """Note that a job has ended well."""
        if job in self.begun:
            rule, then = self.begun.pop(job)
            self.taken.setdefault(rule, []).append(now - then)

    def left(self, now):
        """How long the rest takes, in words; nothing while that cannot be said."""
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
    """{rule: seconds that one of its jobs took in an earlier run}, from the benchmarks of its jobs."""
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
    """The sentence of a record about a mistake of the user's; None of any other record."""
    if getattr(record, "exception", None) != MISTAKE:
        return None
    found = EXCEPTION.match(str(record.msg))
    return found[1] if found else str(record.msg)


def signal_of(ended):
    """The name of the signal that ended a job, from how Snakemake tells of its end; None if it ended by itself."""
    status, name = ended.groups()
    if name:
        return name
    try:
        return signal.Signals(int(status) - 128).name  # as a shell tells of it
    except ValueError:
        return None


def errors_in(logs):
    """What rules wrote to their logs as errors, without stacks: a list of texts."""
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
    """The ends of logs that hold no sentence."""
    return [line for log in logs for line in _lines(log)[-LAST_LINES:]]


def reasons(message):
    """What an executor says of a failure, without where to look."""
    return [line for line in [(message or "").split("For further error details")[0].strip()] if line]


def _lines(path):
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def number(count, thing):
    """1 job, 2 jobs."""
    return f"{count} {thing}{'' if count == 1 else 's'}"


def duration(seconds):
    """A time in words that one reads at a glance: 20 s, 3 min, 2 h 10 min."""
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def speak_plainly(logger, benchmarks, made, whole):
    """Put a Terminal in the place of Snakemake's handler. Returns it; None where another handler writes to the terminal.

    whole: whether everything that Snakemake says is wanted (a dry run, --verbose): then only mistakes become sentences.
    """
    for place, handler in enumerate(logger.handlers):
        if handler.name != "DefaultStreamHandler":
            continue
        if whole:
            handler.setFormatter(Sentences(handler.formatter))
            return None
        terminal = Terminal(handler.stream, handler.decorate, benchmarks, made)
        terminal.filters = handler.filters
        logger.handlers[place] = terminal
        sys.excepthook = _stopped_early
        return terminal
    return None


def _stopped_early(kind, error, stack):
    if issubclass(kind, KeyboardInterrupt):  # while Snakemake looks at what there is to do
        print(STOPPED, file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, stack)
