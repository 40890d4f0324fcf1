"""What a run that was killed has left in Slurm's queue."""

import re
import subprocess
from pathlib import Path

from flystage.errors import FlystageError

RUN_ID = re.compile(r"SLURM run ID: (\S+)")  # names all jobs of a run; its executor writes it to Snakemake's log
PATIENCE = 60  # seconds for Slurm to answer


def refuse_left_overs(folder, snakemake_log):
    """Raise FlystageError when jobs of the last run on `folder` are in Slurm's queue: they would write the same files.

    snakemake_log: path of Snakemake's log of this run, remembered for the next one. Call it after `running.hold`: while another
    run is alive its jobs are no left-overs.
    """
    last_run = Path(folder) / ".last_run"
    if last_run.exists():
        jobs = jobs_in_queue(Path(last_run.read_text(encoding="utf-8")))
        if jobs:
            raise FlystageError(
                f"Jobs of a run that was killed are still in Slurm's queue and would write to {folder} too: cancel them "
                f"with 'scancel {' '.join(jobs)}' or wait until they have ended, and run again."
            )
    if snakemake_log:
        last_run.write_text(str(Path(snakemake_log).absolute()), encoding="utf-8")


def jobs_in_queue(snakemake_log):
    """Slurm's ids of the jobs, waiting or at work, of the run that wrote the log file `snakemake_log`.

    A run that did not use Slurm, or whose log is gone, has none. Raises FlystageError when Slurm does not answer.
    """
    if not snakemake_log.is_file():
        return []
    run_ids = RUN_ID.findall(snakemake_log.read_text(encoding="utf-8", errors="replace"))
    if not run_ids:
        return []
    command = ["squeue", "--noheader", "--format=%A", f"--name={','.join(run_ids)}"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        reason = (getattr(error, "stderr", None) or str(error)).strip()
        raise FlystageError(
            f"The last run used Slurm, which does not say whether jobs of it are still at work ({reason}): run again where "
            f"squeue works, or delete {snakemake_log} if you know that none is."
        ) from error
    return sorted(set(answer.stdout.split()), key=int)
