"""Find jobs that a killed run left in Slurm's queue."""

import subprocess
from pathlib import Path

from flystage.core.errors import FlystageError
from flystage.core.files import written_whole

PATIENCE = 60  # seconds for Slurm to answer


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
