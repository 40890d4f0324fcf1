"""Measure the speed of flystage as ratios to other programs on the same machine, and write a table and a JSON file.

The folder keeps images and results for the next time and needs about 5 GB. Run nothing else at the same time.
"""

import argparse
import dataclasses
import json
import os
import platform
import re
from pathlib import Path

import learning
import preparing
import reviewing
import workflow_runs

BENCHMARKS = {
    "preparing": preparing.benchmark,
    "cold": workflow_runs.cold_runs,
    "idle": workflow_runs.nothing_to_do,
    "movie": workflow_runs.one_movie_more,
    "features": learning.features_and_predicting,
    "report": learning.to_the_report,
    "review": reviewing.page_of_suggestions,
}


def machine():
    """Return a description of the machine."""
    cpu = (
        re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text()) if Path("/proc/cpuinfo").exists() else None
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    name = cpu.group(1) if cpu else platform.processor()
    return f"{name}, {os.cpu_count()} cores, {memory:.0f} GiB, Python {platform.python_version()}"


def main():
    """Run the command line, see --help."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=f"benchmarks to run: {', '.join(BENCHMARKS)} (default: all)")
    parser.add_argument(
        "--folder", type=Path, default=Path(".bench"), help="folder for images and results (default: .bench)"
    )
    parser.add_argument(
        "--json", type=Path, default=Path("results/bench.json"), help="file to write (default: results/bench.json)"
    )
    args = parser.parse_args()
    if unknown := set(args.names) - set(BENCHMARKS):
        parser.error(f"unknown benchmark {', '.join(sorted(unknown))}. Known are {', '.join(BENCHMARKS)}.")
    folder = args.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    print(f"{machine()}\n\n| what | measured | compared with | ratio | aim | |\n|---|---|---|---|---|---|", flush=True)
    for name in args.names or BENCHMARKS:
        for row in BENCHMARKS[name](folder):
            rows.append(row)
            print(row.line(), flush=True)
    record = {
        "machine": machine(),
        "rows": [dataclasses.asdict(row) | {"ratio": row.ratio, "met": row.met} for row in rows],
    }
    args.json.parent.mkdir(parents=True, exist_ok=True)
    args.json.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    print(f"\nWritten to {args.json}")


if __name__ == "__main__":
    main()
