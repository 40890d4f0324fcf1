"""Tests of the small workflow on a real Slurm, from raw images to the report."""

from collections import Counter

from cluster import NODES
from slurm_project import ON_GPUS


def submitted(finished):
    """Return {the executor's name of a job: [node, partition, CPUs, memory, time limit]} of the finished run."""
    (run,) = {line.split()[-1] for line in finished.process.out.splitlines() if "SLURM run ID" in line}
    lines = finished.cluster.run("squeue", "-h", "-t", "all", f"--name={run}", "-o", "%k|%N|%P|%C|%m|%l").splitlines()
    return {comment: rest for comment, *rest in (line.split("|") for line in lines)}


def test_a_run_on_slurm_gives_the_results_of_a_local_run(finished, locally):
    contents, expected = finished.contents(), locally.contents()
    assert "results/report.html" in contents and "results/model/history.csv" in contents
    assert [name for name in expected | contents if expected.get(name) != contents.get(name)] == []
    assert "Nothing to be done" in finished.snakemake("--dry-run", over=ON_GPUS).out


def test_light_rules_run_locally_and_heavy_ones_on_nodes(finished):
    nodes = {line["name"]: line["node"] for line in finished.seen()}
    heavy = {"features", "tune", "train", "evaluate", "crossval"} | {
        path.stem for path in (finished.results / "images").glob("*.csv")
    }
    assert {name for name, node in nodes.items() if node in NODES} == heavy
    assert {name for name, node in nodes.items() if node is None} == {
        "weights", "dataset", "dataset_figures", "best", "training_figures", "checkpoint", "metrics", "history", "report",
    }  # fmt: skip
    assert set(Counter(line["name"] for line in finished.seen()).values()) == {1}


def test_small_jobs_share_a_submission(finished):
    jobs = {line["name"]: (line["job"], line["node"]) for line in finished.seen()}
    buckets = [path.stem for path in (finished.results / "images").glob("*.csv")]
    assert len(buckets) > 1 and len({jobs[bucket] for bucket in buckets}) == 1


def test_resources_reach_slurm(finished):
    jobs = submitted(finished)
    assert jobs["rule_features"] == ["n3", "gpu", "2", "12000M", "4:00:00"]
    assert jobs["rule_train"][1:] == ["main", "1", "16000M", "12:00:00"]
    assert jobs["rule_tune"][1:] == ["main", "2", "12000M", "4:00:00"]


def test_only_jobs_that_request_gpus_get_them(finished):
    gpus = {line["name"]: line["gpus"] for line in finished.seen()}
    assert {name for name, given in gpus.items() if given is not None} == {"features", "evaluate", "crossval"}
    assert gpus["features"] in ("0", "1") and gpus["evaluate"] in ("0", "1")


def test_the_logs_of_jobs_are_kept(finished):
    for name in ("prepare/train-03", "features", "tune", "train", "evaluate"):
        assert "peak memory" in (finished.results / f"logs/{name}.log").read_text()
