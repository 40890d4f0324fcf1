"""The small project of the tests, for runs on the cluster of the tests."""

import json
from dataclasses import dataclass
from pathlib import Path

from cluster import Cluster
from small_project import REPOSITORY, Project

PROFILE = REPOSITORY / "workflow/profiles/slurm"
ON_GPUS = {"hardware": {"gpu": True}}


@dataclass
class SlurmProject(Project):
    """A project whose workflow runs on the cluster of the tests. Its jobs record where they run."""

    cluster: Cluster = None

    def command(self, *arguments, **wanted):
        return super().command("--profile", PROFILE, *arguments, **wanted)

    def snakemake(self, *arguments, env=None, **wanted):
        return super().snakemake(*arguments, env=self.env | (env or {}), **wanted)

    def started(self, *arguments, env=None, **wanted):
        """Start Snakemake in its own process group, as a terminal does, and return at once. Its output goes to `said`."""
        return super().started(*arguments, env=self.env | (env or {}), **wanted)

    @property
    def env(self):
        (self.folder / "seen.jsonl").touch()
        meddling = str(Path(__file__).with_name("meddling"))
        return self.cluster.env | {"PYTHONPATH": meddling, "SEEN": str(self.folder / "seen.jsonl")}

    def seen(self, name=None):
        """Return the records that scripts write at their start: dicts of name, job, node, gpus. name: of one rule, or all."""
        lines = map(json.loads, (self.folder / "seen.jsonl").read_text().splitlines())
        return [line for line in lines if name in (None, line["name"])]
