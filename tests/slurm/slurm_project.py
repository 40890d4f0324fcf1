"""The small project of the tests, run on their cluster."""

import json
from dataclasses import dataclass
from pathlib import Path

from cluster import Cluster
from small_project import REPOSITORY, Project

PROFILE = REPOSITORY / "workflow/profiles/slurm"
ON_GPUS = {"hardware": {"gpu": True}}


@dataclass
class SlurmProject(Project):
    """A project whose workflow runs on the cluster of the tests, which write down what ran where."""

    cluster: Cluster = None

    def command(self, *arguments, **wanted):
        return super().command("--profile", PROFILE, *arguments, **wanted)

    def snakemake(self, *arguments, env=None, **wanted):
        return super().snakemake(*arguments, env=self.env | (env or {}), **wanted)

    def started(self, *arguments, env=None, **wanted):
        """Start the driver alone in a process group, as a terminal does, and return at once; see `said`."""
        return super().started(*arguments, env=self.env | (env or {}), **wanted)

    @property
    def env(self):
        (self.folder / "seen.jsonl").touch()
        meddling = str(Path(__file__).with_name("meddling"))
        return self.cluster.env | {"PYTHONPATH": meddling, "SEEN": str(self.folder / "seen.jsonl")}

    def seen(self, name=None):
        """What the scripts wrote down when they began: dicts of name, job, node, gpus; of all rules or of one."""
        lines = map(json.loads, (self.folder / "seen.jsonl").read_text().splitlines())
        return [line for line in lines if name in (None, line["name"])]
