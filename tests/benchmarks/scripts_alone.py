"""Run the workflow's scripts up to the manifests without Snakemake, each in a process as in the workflow."""

import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

from snakemake.iocontainers import InputFiles, Log, OutputFiles, Params

from flystage.dataset import buckets, splitting
from flystage.dataset.gathering import gather
from small_project import REPOSITORY

RUN = (
    "import pickle, runpy, sys; runpy.run_path(sys.argv[1], {'snakemake': pickle.load(open(sys.argv[2], 'rb'))},"
    " '__main__')"
)


def up_to_the_manifests(folder, config):
    """Find and split the images, prepare all buckets on all cores, and collect them.

    config: the complete configuration, in which raw folders are absolute paths.
    """
    rows = gather(config, "none").rows
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        tables = list(pool.map(lambda bucket: prepared(folder, bucket, rows[bucket], config), sorted(rows)))
    manifests = {split: f"manifests/{split}.csv" for split in splitting.SPLITS}
    run(
        folder,
        "dataset",
        "dataset",
        {"tables": tables},
        {"catalog": "catalog.csv", "stages": "stages.csv", "split": "split", **manifests},
        {
            "set_aside": [],
            "max_bad": config["max_bad"],
            "wanted_stages": "all",
            "time_unit": "auto",
            "lock": "raw.split.csv",
        },
        config,
    )


def prepared(folder, bucket, rows, config):
    split = buckets.split_of(bucket)
    angles = sorted({0, *config["image"]["angles"]}) if split == "train" else [0]
    table = f"images/{bucket}.csv"
    params = {"rows": rows, "split": split, "angles": angles, "image": config["image"]}
    run(folder, "prepare", bucket, {}, {"table": table, "pngs": f"images/{bucket}"}, params, config)
    return table


def run(folder, script, name, inputs, outputs, params, config):
    """Run one script in `folder` as its rule does. inputs, outputs, params: {name: value}."""
    job = SimpleNamespace(
        input=InputFiles(fromdict=inputs),
        output=OutputFiles(fromdict=outputs),
        params=Params(fromdict=params),
        log=Log([f"{name}.log"]),
        config=config,
    )
    (folder / f"{name}.pickle").write_bytes(pickle.dumps(job))
    command = [sys.executable, "-c", RUN, REPOSITORY / "workflow/scripts" / f"{script}.py", f"{name}.pickle"]
    subprocess.run(command, cwd=folder, env=os.environ | {"PYTHONPATH": str(REPOSITORY / "workflow")}, check=True)
