"""A private Slurm cluster on this machine, with several nodes and pretend GPUs, without systemd. It ends with its process."""

import contextlib
import getpass
import os
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from pathlib import Path

CPUS, MEMORY, GPUS = 8, 64_000, 2  # of each node, memory in MB. Slurm does not check them against this machine.
NODES = ("n1", "n2", "n3")
PROGRAMS = ("slurmctld", "slurmd", "munged", "srun")
PACKAGES = ("slurm-wlm", "munge")

SLURM_CONF = """
ClusterName=flystage
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.sock
SlurmctldPort={port}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
SlurmctldLogFile={folder}/log/slurmctld.log
SlurmdLogFile={folder}/log/%n.log
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SlurmdParameters=config_overrides
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1
MinJobAge=7200
ReturnToService=2
KillWait=3
SlurmdTimeout=10
GresTypes=gpu
{nodes}
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP LLN=YES
PartitionName=gpu Nodes={gpu_node} MaxTime=INFINITE State=UP
"""


class NoSlurmError(Exception):
    """Slurm is missing and cannot be installed or started, for the given reason."""


def install():
    """Install Debian's packages of Slurm if they are missing. Raises NoSlurmError if that fails."""
    if os.geteuid() != 0:
        raise NoSlurmError("only root can start it")
    if all(shutil.which(program, path=_path()) for program in PROGRAMS):
        return
    if not shutil.which("apt-get"):
        raise NoSlurmError("apt-get, which installs it, is missing on this machine")
    command = ["apt-get", "install", "--yes", "--no-install-recommends", *PACKAGES]
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    installed = subprocess.run(command, env=quiet, capture_output=True, text=True)
    if installed.returncode != 0:  # a fresh machine does not have the lists of packages
        subprocess.run(["apt-get", "update"], capture_output=True)
        installed = subprocess.run(command, env=quiet, capture_output=True, text=True)
    if installed.returncode != 0:
        raise NoSlurmError((installed.stderr.strip().splitlines() or ["apt-get failed"])[-1])


class Cluster:
    """Three nodes with pretend GPUs in one private folder. Slurm's commands need the environment `env`."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="slurm-", dir="/tmp"))  # the path of a socket must be short
        self.env = {"SLURM_CONF": str(self.folder / "slurm.conf"), "PATH": f"{self.folder}/bin:{_path()}"}
        self.daemons = {}

    def start(self):
        """Start the daemons and wait until every node is idle."""
        for name in ("state", "log", "bin", *(f"spool/{node}" for node in NODES)):
            (self.folder / name).mkdir(parents=True)
        (self.folder / "munge.key").write_bytes(os.urandom(128))
        (self.folder / "munge.key").chmod(0o400)
        try:
            self._write_configuration()
        except PermissionError as error:
            raise NoSlurmError(f"pretend GPUs cannot be created ({error})") from error
        # The executor's inner step removes SLURM_CONF, which clusters with a configuration in /etc do not need.
        srun = shutil.which("srun", path=_path())
        (self.folder / "bin" / "srun").write_text(f'#!/bin/sh\nSLURM_CONF={self.env["SLURM_CONF"]} exec {srun} "$@"\n')
        (self.folder / "bin" / "srun").chmod(0o755)
        self._start("munged", "--foreground", "--force", f"--key-file={self.folder}/munge.key",
                    f"--socket={self.folder}/munge.sock", f"--pid-file={self.folder}/munged.pid",
                    f"--log-file={self.folder}/log/munged.log", f"--seed-file={self.folder}/munged.seed")  # fmt: skip
        self._start("slurmctld", "-D")
        for node in NODES:
            self.start_node(node)
        self.wait_for(lambda: self._idle_nodes() == len(NODES))

    def _idle_nodes(self):
        command = ["sinfo", "--noheader", "--Node", "--states=idle", "--partition=main"]
        answer = subprocess.run(command, env=os.environ | self.env, capture_output=True, text=True, timeout=60)
        return len(answer.stdout.splitlines())  # 0 before the controller runs

    def start_node(self, node):
        self._start("slurmd", "-D", "-N", node, name=node)

    def kill_node(self, node):
        """Kill a node's daemon and all its processes, as a power cut does."""
        signs = (f"NODE_OF_TEST={node}".encode(), f"SLURMD_NODENAME={node}".encode())
        pids = [pid for pid, environ in self._processes() if any(sign in environ for sign in signs)]
        for pid in [self.daemons[node].pid, *pids]:
            _kill(pid)
        self.daemons.pop(node).wait()

    def stop(self):
        """End all daemons and processes of jobs, and delete the folder."""
        try:
            subprocess.run(
                ["scancel", f"--user={getpass.getuser()}"], env=os.environ | self.env, timeout=10, check=False
            )
        finally:
            for process in reversed(self.daemons.values()):
                process.terminate()
            for process in self.daemons.values():
                try:
                    process.wait(timeout=5)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
            for pid, _ in self._processes():
                _kill(pid)
            shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, *command):
        """Run one of Slurm's commands and return its output."""
        return subprocess.run(
            command, env=os.environ | self.env, capture_output=True, text=True, check=True, timeout=60
        ).stdout.strip()

    def jobs(self, *states):
        """Return [(id, state, comment, node)] of the jobs that Slurm remembers, in the order of their ids. states: by default all."""
        lines = self.run("squeue", "-h", "-t", "all", "--sort=i", "-o", "%A|%T|%k|%N").splitlines()
        jobs = [tuple(line.split("|")) for line in lines]
        return [job for job in jobs if not states or job[1] in states]

    def wait_for(self, sign, seconds=60):
        """Wait until `sign()` is true. Raises AssertionError after `seconds`."""
        deadline = time.monotonic() + seconds
        while not sign():
            assert time.monotonic() < deadline, f"the condition was not met within {seconds} s"
            time.sleep(0.2)

    def _write_configuration(self):
        ports = _free_ports(1 + len(NODES))
        nodes, gres = [], []
        for node, port in zip(NODES, ports[1:], strict=True):
            nodes.append(
                f"NodeName={node} NodeAddr=127.0.0.1 Port={port} CPUs={CPUS} RealMemory={MEMORY} Gres=gpu:pretend:{GPUS}"
            )
            for gpu in range(GPUS):
                device = self.folder / f"{node}-gpu{gpu}"
                os.mknod(device, 0o666 | stat.S_IFCHR, os.makedev(1, 3))  # another /dev/null
                gres.append(f"NodeName={node} Name=gpu Type=pretend File={device}")
        conf = SLURM_CONF.format(
            host=socket.gethostname().split(".")[0],
            user=getpass.getuser(),
            folder=self.folder,
            port=ports[0],
            nodes="\n".join(nodes),
            gpu_node=NODES[-1],
        )
        (self.folder / "slurm.conf").write_text(conf)
        (self.folder / "gres.conf").write_text("\n".join(gres) + "\n")
        (self.folder / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\nIgnoreSystemd=yes\n")

    def _start(self, program, *arguments, name=None):
        log = open(self.folder / "log" / f"{name or program}.out", "a")  # noqa: SIM115
        self.daemons[name or program] = subprocess.Popen(
            ["setpriv", "--pdeathsig=KILL", shutil.which(program, path=_path()), *arguments],  # they end with the tests
            env=os.environ | self.env | {"NODE_OF_TEST": name or program},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        log.close()

    def _processes(self):
        """Return [(pid, environment)] of all processes of this cluster, without this process."""
        sign = f"SLURM_CONF={self.env['SLURM_CONF']}".encode()
        found = []
        for path in Path("/proc").glob("[0-9]*/environ"):
            try:
                environ = path.read_bytes().split(b"\0")
            except OSError:  # ended, or of another user
                continue
            pid = int(path.parent.name)
            ours = sign in environ or any(str(self.folder).encode() in value for value in environ)
            if ours and pid != os.getpid():
                found.append((pid, environ))
        return found


def _path():
    return os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"])


def _kill(pid):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
