"""What a run that was killed has left in Slurm's queue."""

import subprocess
from pathlib import Path

from flystage.core.errors import FlystageError
from flystage.core.files import written_whole

PATIENCE = 60  # seconds for Slurm to answer


def refuse_left_overs(folder, run):
    """Raise FlystageError when jobs of the last run on `folder` are in Slurm's queue: they would write the same files.

    run: the name of this run's jobs in the queue, remembered for the next one; None when it does not use Slurm. Call it after
    `running.hold`: while another run is alive its jobs are no left-overs.
    """
    last_run = Path(folder) / ".last_run_on_slurm"
    if last_run.exists():
        jobs = jobs_in_queue(last_run)
        if jobs:
            raise FlystageError(
                f"Jobs of a run that was killed are still in Slurm's queue and would write to {folder} too: cancel them "
                f"with 'scancel {' '.join(jobs)}' or wait until they have ended, and run again."
            )
        last_run.unlink()
    if run:
        with written_whole(last_run) as temporary:
            temporary.write_text(run, encoding="utf-8")


def jobs_in_queue(last_run):
    """Slurm's ids of the jobs, waiting or at work, of the run whose name stands in the file `last_run`.

    Raises FlystageError when Slurm does not answer.
    """
    command = ["squeue", "--noheader", "--format=%A", f"--name={last_run.read_text(encoding='utf-8')}"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        reason = (getattr(error, "stderr", None) or str(error)).strip()
        raise FlystageError(
            f"The last run used Slurm, which does not say whether jobs of it are still at work ({reason}): run again where "
            f"squeue works, or delete {last_run} if you know that none is."
        ) from error
    return sorted(set(answer.stdout.split()), key=int)
