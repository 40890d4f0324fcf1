"""Start a training job in this process, or in several processes of torch's elastic launcher, also on several nodes."""

import logging
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from flystage.core.errors import FlystageError
from flystage.core.tables import read_history
from flystage.jobs import execution

log = logging.getLogger("flystage")
ERROR = "flystage: "  # start of an error message of the program


def run_job(job, processes, checkpoint=None, history_path=None, nodes=1):
    """Run a TrainingJob and return its history, a list of dicts.

    processes: number of processes that train together on each node, each on its own GPU if there are GPUs. nodes: of
    this Slurm job. Without Slurm, only this machine is used. checkpoint, history_path: files for the trained network,
    or None to discard it. Raises FlystageError with the message of the process that failed.
    """
    nodes = nodes if "SLURM_JOB_ID" in os.environ else 1
    if processes * nodes == 1 or not job.recipe.finetuned:  # a head takes seconds
        backbone, head, history = execution.learn(job)
        if checkpoint:
            execution.write_model(job, backbone, head, history, checkpoint, history_path)
    else:
        history = _in_processes(job, processes, nodes, checkpoint, history_path)
    execution.forget_resume_point(job)
    return history


def _in_processes(job, processes, nodes, checkpoint, history_path):
    Path(job.cache).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="training-", dir=job.cache) as folder:
        job_file = Path(folder) / "job.json"
        job.seen_from(".").write(job_file)
        command = [
            *_launcher(processes, nodes, job.threads),
            *("-m", "flystage.jobs.execution", "--job", str(job_file), "--output", folder),
            *([] if checkpoint else ["--record-only"]),
        ]
        lines = []
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as launcher:
            for line in launcher.stdout:
                lines.append(line.rstrip())
                log.info("%s", lines[-1])
        if launcher.returncode:
            said = [line.split(ERROR, 1)[1] for line in lines if ERROR in line]
            raise FlystageError(
                said[0] if said else f"Training in {processes * nodes} processes failed. The log of this rule says why."
            )
        if checkpoint:
            (Path(folder) / "history.csv").replace(history_path)
            (Path(folder) / "checkpoint.pt").replace(checkpoint)
        return read_history(history_path or Path(folder) / "history.csv").to_dict("records")


def _launcher(processes, nodes, threads):
    """Return the start of a command that launches processes here or, as a Slurm step, on each node of this job."""
    torchrun = [sys.executable, "-m", "torch.distributed.run", f"--nproc-per-node={processes}"]
    if nodes == 1:
        return [*torchrun, "--standalone"]
    with socket.create_server(("", 0)) as free:
        port = free.getsockname()[1]
    return [
        *("srun", f"--nodes={nodes}", f"--ntasks={nodes}", "--ntasks-per-node=1", f"--cpus-per-task={threads}"),
        *("--kill-on-bad-exit=1", *torchrun, f"--nnodes={nodes}", f"--rdzv-id={os.environ['SLURM_JOB_ID']}"),
        *("--rdzv-backend=c10d", f"--rdzv-endpoint={socket.gethostname()}:{port}"),  # this is the first node
    ]
