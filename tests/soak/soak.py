"""Kill -9 at many random moments, each followed by a plain rerun that must end as if nothing had happened.

Every moment begins with raw images alone: no results, no split lock. The small workflow of the tests is run to its
report, then asked for stages of unlabelled images, and killed with all its processes at a random time between its start
and its end. For every third moment the rerun is killed as well. Then the same two commands, with no option but what the
workflow's own profile sets, must end with the same bytes as a run that was left alone.
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
KILL_THE_RERUN = 3  # every so many moments


def write_images(project):
    """The raw images, and a folder of unlabelled ones."""
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
    """Start both commands, one after the other, in a process group of their own."""
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
    """Start and kill after so many seconds. Returns whether it was still running."""
    end = time.monotonic() + seconds
    return kill_when(started(project), lambda: time.monotonic() >= end)


def running_jobs(project):
    """What the last run was doing when it ended, from Snakemake's log: the messages of the jobs begun and not finished."""
    logs = sorted((project.folder / ".snakemake" / "log").glob("*.log"))
    text = logs[-1].read_text(encoding="utf-8") if logs else ""
    begun = dict(re.findall(r"^Job (\d+): (.*)$", text, flags=re.MULTILINE))
    for job in re.findall(r"^Finished jobid: (\d+)", text, flags=re.MULTILINE):
        begun.pop(job, None)
    return list(begun.values())


def soak_moment(folder, images, share, duration, second, expected):
    """One moment. Returns what happened as a dict, and the duration, which shrinks when a run ended before its moment.

    folder: of the project to make. images: the project whose images to copy. share: where in the run to kill, 0 to 1.
    second: the same for the rerun, or None. expected: contents of the unharmed run.
    """
    project = Project(folder)
    while True:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(images.raw, project.raw)
        shutil.copytree(images.folder / "unlabelled", folder / "unlabelled")
        begin = time.monotonic()
        if killed_after(project, share * duration):
            break
        duration = time.monotonic() - begin  # it was faster than the unharmed run, and is killed once more
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
    """A moment as a line of the table."""
    running = "; ".join(moment["running"]) or "no job (reading the workflow, or between jobs)"
    if moment["second"]:
        what = "; ".join(moment["second"]["running"]) or "no job"
        again = f"rerun killed at {moment['second']['seconds']} s: {what}"
        running += f" | {again if moment['second']['killed'] else 'the rerun ended before it could be killed'}"
    return f"{moment['seconds']:8.1f}  yes     {'yes' if moment['equal'] else 'NO ':3}    {running}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--moments", type=int, default=25, metavar="N", help="how many kills (25)")
    parser.add_argument("--seed", type=int, default=1, help="of the random moments (1)")
    parser.add_argument("--folder", type=Path, help="where to work, an empty folder (a temporary one)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the moments there as well")
    arguments = parser.parse_args()
    folder = (arguments.folder or Path(tempfile.mkdtemp(prefix="soak-"))).resolve()
    unharmed = Project(folder / "unharmed")
    unharmed.folder.mkdir(parents=True)
    write_images(unharmed)

    begin = time.monotonic()
    if started(unharmed).wait() != 0:
        sys.exit(f"The unharmed run failed; see {unharmed.folder / 'output.txt'}.")
    duration = time.monotonic() - begin
    expected = unharmed.contents()
    print(f"The unharmed run took {duration:.0f} s; {len(expected)} files are compared. Work is in {folder}.")

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
    print(f"{len(moments)} kills, {len(moments) - len(differing)} of them ended as if nothing had happened.")
    if differing:
        sys.exit(f"{len(differing)} differ; their projects are kept in {folder}.")
    if arguments.folder is None:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
