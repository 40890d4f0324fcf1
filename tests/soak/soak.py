"""Kill runs with kill -9 at many random moments and check that a rerun gives the results of an undisturbed run.

Every moment starts with only raw images, without results or a split lock. Two commands run the small workflow of the tests: the
first to its report, the second predicts stages of unlabelled images. The script kills all their processes at a random time. At
every third moment it also kills the rerun. Then the same two commands, with no options but those of the workflow's profile, must
give the same bytes as an undisturbed run.
"""

import argparse
import json
import random
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tqdm import tqdm

import embryos
from small_project import MINUTES, Project, kill_when, write_raw

PREDICTING = {"predict": {"images": ["unlabelled"]}}
KILL_THE_RERUN = 3  # the rerun is killed at every third moment


def write_images(project):
    """Write the raw images, and a folder of unlabelled ones."""
    write_raw(project.raw)
    embryos.write_embryos(
        project.folder / "unlabelled",
        embryos=1,
        minutes=MINUTES,
        size=(222, 84),
        first_embryo=9,
        processes=1,
        unlabelled=True,
    )


def started(project):
    """Start both commands, one after the other, in a new process group."""
    commands = [shlex.join(map(str, project.command(*target, over=PREDICTING))) for target in ([], ["predict"])]
    with open(project.folder / "output.txt", "a", encoding="utf-8") as output:
        return subprocess.Popen(
            ["sh", "-c", " && ".join(commands)],
            cwd=project.folder,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def killed_after(project, seconds):
    """Start the commands and kill them after `seconds`. Return whether they were still running."""
    end = time.monotonic() + seconds
    return kill_when(started(project), lambda: time.monotonic() >= end)


def running_jobs(project):
    """Return the messages of the jobs that ran at the end of the last run, from Snakemake's log."""
    logs = sorted((project.folder / ".snakemake" / "log").glob("*.log"))
    text = logs[-1].read_text(encoding="utf-8") if logs else ""
    begun = dict(re.findall(r"^Job (\d+): (.*)$", text, flags=re.MULTILINE))
    for job in re.findall(r"^Finished jobid: (\d+)", text, flags=re.MULTILINE):
        begun.pop(job, None)
    return list(begun.values())


def soak_moment(folder, images, share, duration, second, expected):
    """Kill and rerun once. Return (record of the moment, duration in s). The duration is shorter if a run ended before its moment.

    folder: of the new project. images: the project whose images are copied. share: moment of the kill as a share of the duration,
    0 to 1. duration: of a complete run, in seconds. second: share for the rerun, or None. expected: contents of the undisturbed run.
    """
    project = Project(folder)
    while True:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(images.raw, project.raw)
        shutil.copytree(images.folder / "unlabelled", folder / "unlabelled")
        begin = time.monotonic()
        if killed_after(project, share * duration):
            break
        duration = time.monotonic() - begin  # it was faster than the undisturbed run, so try again
    moment = {"seconds": round(share * duration, 1), "running": running_jobs(project), "second": None}
    if second is not None:
        begin = time.monotonic()
        killed = killed_after(project, second * duration)
        moment["second"] = {
            "killed": killed,
            "seconds": round(time.monotonic() - begin, 1),
            "running": running_jobs(project) if killed else [],
        }
    moment["exit"] = started(project).wait()
    found = project.contents()
    moment["different"] = sorted(name for name in expected | found if expected.get(name) != found.get(name))
    moment["equal"] = moment["exit"] == 0 and not moment["different"]
    return moment, duration


def line_of(moment):
    """Return a moment as a line of the table."""
    running = "; ".join(moment["running"]) or "no job (reading the workflow, or between jobs)"
    if moment["second"]:
        what = "; ".join(moment["second"]["running"]) or "no job"
        again = f"rerun killed at {moment['second']['seconds']} s: {what}"
        running += f" | {again if moment['second']['killed'] else 'the rerun ended before it could be killed'}"
    return f"{moment['seconds']:8.1f}  yes     {'yes' if moment['equal'] else 'NO ':3}    {running}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--moments", type=int, default=25, metavar="N", help="number of kills (25)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the random moments (1)")
    parser.add_argument("--folder", type=Path, help="an empty folder for the projects (a temporary one)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the moments to this file")
    arguments = parser.parse_args()
    folder = (arguments.folder or Path(tempfile.mkdtemp(prefix="soak-"))).resolve()
    unharmed = Project(folder / "unharmed")
    unharmed.folder.mkdir(parents=True)
    write_images(unharmed)

    begin = time.monotonic()
    if started(unharmed).wait() != 0:
        sys.exit(f"The undisturbed run failed. Read {unharmed.folder / 'output.txt'}.")
    duration = time.monotonic() - begin
    expected = unharmed.contents()
    print(
        f"The undisturbed run took {duration:.0f} s. {len(expected)} files are compared. The projects are in {folder}."
    )

    draw = random.Random(arguments.seed)
    moments = []
    for number in tqdm(range(1, arguments.moments + 1), unit="kill"):
        share, second = draw.random(), draw.random()
        project_folder = folder / f"moment-{number:02d}"
        moment, duration = soak_moment(
            project_folder, unharmed, share, duration, None if number % KILL_THE_RERUN else second, expected
        )
        moments.append(moment)
        tqdm.write(line_of(moment))
        if moment["equal"]:
            shutil.rmtree(project_folder)
        if arguments.json:
            record = {"seed": arguments.seed, "unharmed_seconds": round(duration, 1), "moments": moments}
            arguments.json.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")

    print("\nkilled at (s)  equal  what was running")
    print(*map(line_of, moments), sep="\n")
    differing = [moment for moment in moments if not moment["equal"]]
    print(f"{len(moments)} kills, {len(moments) - len(differing)} of them with the results of the undisturbed run.")
    if differing:
        sys.exit(f"{len(differing)} differ. Their projects are kept in {folder}.")
    if arguments.folder is None:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
