"""Starting a training job: within this process, or in several of torch's elastic launcher, also on several nodes."""

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
ERROR = "flystage: "  # how the program's own sentence begins


def run_job(job, processes, checkpoint=None, history_path=None, nodes=1):
    """Do a TrainingJob and return its history, a list of dicts.

    processes: that train together, each on a GPU of its own where there are GPUs. checkpoint, history_path: where to
    write the trained network; None: it is not kept. nodes: of the Slurm job that this one is, on each of which so many
    processes train; elsewhere there is but this machine. Raises FlystageError with the sentence of the process that failed.
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
                said[0] if said else f"Training in {processes * nodes} processes failed; the log of this rule says why."
            )
        if checkpoint:
            (Path(folder) / "history.csv").replace(history_path)
            (Path(folder) / "checkpoint.pt").replace(checkpoint)
        return read_history(history_path or Path(folder) / "history.csv").to_dict("records")


def _launcher(processes, nodes, threads):
    """The beginning of a command that starts processes here or, as a step of this Slurm job, on each of its nodes."""
    torchrun = [sys.executable, "-m", "torch.distributed.run", f"--nproc-per-node={processes}"]
    if nodes == 1:
        return [*torchrun, "--standalone"]
    with socket.create_server(("", 0)) as free:
        port = free.getsockname()[1]
    return [
        *("srun", f"--nodes={nodes}", f"--ntasks={nodes}", "--ntasks-per-node=1", f"--cpus-per-task={threads}"),
        *("--kill-on-bad-exit=1", *torchrun, f"--nnodes={nodes}", f"--rdzv-id={os.environ['SLURM_JOB_ID']}"),
        *("--rdzv-backend=c10d", f"--rdzv-endpoint={socket.gethostname()}:{port}"),  # this is the first of the nodes
    ]
