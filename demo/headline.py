"""Prints where the report of a finished run is, and its headline: every figure beside chance, with its interval."""

import json
import sys
from pathlib import Path


def headline(results):
    """The lines to print for a results folder, as one text."""
    metrics = json.loads(Path(results, "evaluation/metrics.json").read_text(encoding="utf-8"))
    lines = [f"{metrics['images']} test images of {metrics['embryos']} embryos that the network never saw:"]
    for k, share in metrics["top_k"].items():
        low, high = share["ci95"]
        lines.append(
            f"  top-{k:<3} {share['accuracy']:6.1%}   chance {share['chance']:6.1%}   95 % interval {low:.1%} to {high:.1%}"
        )
    return "\n".join([*lines, f"Report: {Path(results, 'report.html').resolve()}"])


if __name__ == "__main__":
    print(headline(sys.argv[1]))
    print("The demo's embryos are synthetic: these figures say nothing about real embryos.")
