"""Find jobs that a killed run left in Slurm's queue, and put into words why Slurm refuses a job."""

import re
import shlex
import subprocess
from pathlib import Path

from flystage.core.errors import FlystageError
from flystage.core.files import written_whole

PATIENCE = 60  # seconds for Slurm to answer
PROFILE = "in the Slurm profile (workflow/profiles/slurm/config.yaml)"
# {what Slurm says: (options of sbatch that ask for it, the setting)}. The first that fits counts.
SETTINGS = {
    "not found|no such file": ((), "Start the run on a login node, where sbatch works."),
    "qos|policy|submit limit": (
        ("--qos", "-t", "--mem", "--cpus-per-task", "-p"),
        f"Set runtime, mem_mb, slurm_partition or slurm-qos {PROFILE}.",
    ),
    "invalid account|wckey|association": (("-A", "-p"), f"Set slurm_account and slurm_partition {PROFILE}."),
    "partition name|partition spec|permission|permitted": (
        ("-p",),
        f"Set slurm_partition, and gpu_partition for GPUs, {PROFILE}.",
    ),
    "gres|gpu|tres": (
        ("--gpus", "--gres", "--gpus-per-node", "-p"),
        f"Set gpu_type and gpu_partition {PROFILE}, or hardware: {{gpu: false}} in your configuration.",
    ),
    "time": (
        ("-t", "-p"),
        f"Lower runtime (minutes) of RULES under set-resources, or set slurm_partition, {PROFILE}.",
    ),
    "memory": (("--mem", "-p"), f"Change mem_mb of RULES under set-resources, or slurm_partition, {PROFILE}."),
    "node|cpu|processor|core|partition": (
        ("--cpus-per-task", "--mem", "--nodes", "--gpus", "--gres", "-p"),
        f"Lower mem_mb of RULES {PROFILE}, set slurm_partition there, or give snakemake fewer --cores.",
    ),
    "feature|constraint": (("-C",), f"Change the resource constraint {PROFILE}."),
    "": ((), f"Change what RULES asks for under set-resources and default-resources {PROFILE}."),
}
# Refusals that end by themselves, so that another attempt may succeed.
PASSING = re.compile(
    r"temporar|timed out|unable to contact|zero bytes|connection refused|try again|socket", re.IGNORECASE
)
REFUSED = re.compile(r"The error message was '?(.*?)'?\.?(?:\n +sbatch call:\s*(.*))?$", re.DOTALL)
NOISE = re.compile(r"^(?:sbatch: )?(?:error: )?(?:Batch job submission failed: )?")


def refuse_left_overs(folder, run):
    """Raise FlystageError if jobs of the last run on `folder` are in Slurm's queue, because they would write the same files.

    run: the name of this run's jobs in the queue, stored for the next run; None if it does not use Slurm. Call it after
    `locks.hold`, which makes sure that the last run has ended.
    """
    last_run = Path(folder) / ".last_run_on_slurm"
    if last_run.exists():
        jobs = jobs_in_queue(last_run)
        if jobs:
            raise FlystageError(
                f"Jobs of a run that was killed are still in Slurm's queue and would write to {folder} too. Cancel them "
                f"with 'scancel {' '.join(jobs)}' or wait until they have ended. Then run again."
            )
        last_run.unlink()
    if run:
        with written_whole(last_run) as temporary:
            temporary.write_text(run, encoding="utf-8")


def jobs_in_queue(last_run):
    """Return Slurm's ids of the waiting and running jobs of the run whose name is in the file `last_run`.

    Raises FlystageError if Slurm does not answer.
    """
    command = ["squeue", "--noheader", "--format=%A", f"--name={last_run.read_text(encoding='utf-8')}"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        reason = (getattr(error, "stderr", None) or str(error)).strip()
        raise FlystageError(
            f"The last run used Slurm, but squeue does not answer whether its jobs are still running ({reason}). Run again where "
            f"squeue works. If you know that none of its jobs is running, delete {last_run} first."
        ) from error
    return sorted(set(answer.stdout.split()), key=int)


class Refusal:
    """Why Slurm did not take a job. sentence: for the user. passing: whether another attempt may succeed."""

    def __init__(self, sentence, passing):
        self.sentence, self.passing = sentence, passing


def refusal(message, rules):
    """Return the Refusal that the executor's message on a failed job is about; None if the job was submitted.

    message: with the answer and the call of sbatch. rules: names of the rules in the job.
    """
    found = REFUSED.search((message or "").split("For further error details")[0].strip())
    if not found:
        return None
    said = dict.fromkeys(NOISE.sub("", line.strip()) for line in found[1].splitlines())
    reason = " ".join(filter(None, said)).strip().removesuffix(".") or "it gives no reason"
    options, setting = next(SETTINGS[words] for words in SETTINGS if re.search(words, reason, re.IGNORECASE))
    asked = _asked(found[2] or "")
    shown = " ".join(f"{option} {asked[option]}" for option in options if option in asked)
    passing = PASSING.search(reason) is not None
    what = " Run the same command again later." if passing else f" {setting.replace('RULES', ', '.join(sorted(rules)))}"
    return Refusal(f"Slurm refuses the job: {reason}.{f' It asks for {shown}.' if shown else ''}{what}", passing)


def _asked(call):
    """Return {option: value} of a call of sbatch."""
    try:
        words = shlex.split(call.split(" --wrap=")[0])
    except ValueError:
        return {}
    joined = dict(word.split("=", 1) for word in words if word.startswith("--") and "=" in word)
    return joined | {
        option: value
        for option, value in zip(words, words[1:], strict=False)
        if option.startswith("-") and "=" not in option and not value.startswith("-")
    }
