"""Write synthetic movies of Drosophila embryos, so that you can try flystage without real images.

The images say nothing about real embryos. Use them to learn and to test the workflow, never to judge how well real embryos can
be classified. drawing.py describes what the images model and what they do not.
"""

import argparse
import io
import os
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from pathlib import Path

import tifffile
from tqdm import tqdm

from drawing import FIRST_MINUTE, HEIGHT, LAST_MINUTE, WIDTH, check_drawable, embryo_name, render


def _tif_path(folder, embryo, minute, slice_number):
    return Path(folder) / f"{minute:03d}" / f"Stage({minute:03d})-{embryo_name(embryo)}-{slice_number}.tif"


def _put(path, content):
    """Write bytes in an atomic write. Keep an existing file unchanged."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        unfinished.write_bytes(content)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def _write_one(job):
    path, *what = job
    buffer = io.BytesIO()
    tifffile.imwrite(
        buffer, render(*what), photometric="minisblack", compression="zlib", compressionargs={"level": 1}, metadata=None
    )
    _put(path, buffer.getvalue())


def _write_droppings(folder, embryos, minutes, slices):
    """Write junk files, broken TIFs and a copy, as other programs, full disks and users leave them in real image folders."""
    first, middle, last = minutes[0], minutes[len(minutes) // 2], minutes[-1]
    one, other = embryos[0], embryos[min(1, len(embryos) - 1)]
    unused = max(8, slices + 1)  # no image has this slice number or the next

    whole = _tif_path(folder, one, first, 1)
    _put(whole.parent / ".ipynb_checkpoints" / f"{whole.stem}-checkpoint.tif", whole.read_bytes())
    _put(whole.parent / f"._{whole.name}", bytes.fromhex("00051607 00020000") + b"Mac OS X        " + bytes(58))
    _put(Path(folder) / f"{middle:03d}" / ".DS_Store", bytes.fromhex("00000001") + b"Bud1" + bytes(6140))
    _put(Path(folder) / f"{last:03d}" / "Thumbs.db", bytes.fromhex("d0cf11e0a1b11ae1") + bytes(2040))

    _put(_tif_path(folder, one, middle, unused), b"")
    cut = _tif_path(folder, other, last, 1).read_bytes()
    _put(_tif_path(folder, other, last, unused + 1), cut[: len(cut) * 6 // 10])
    twin = _tif_path(folder, other, middle, 1)
    _put(twin.with_name(f"{twin.stem} copy.tif"), twin.read_bytes())


def write_embryos(
    folder,
    embryos=12,
    minutes=range(51, 196, 9),
    slices=1,
    size=(WIDTH, HEIGHT),
    seed=0,
    droppings=True,
    first_embryo=1,
    processes=None,
    unlabelled=False,
):
    """Write synthetic movies as 16-bit TIFs such as folder/060/Stage(060)-20230811-Cycle00-embryo03-1.tif.

    embryos: their number, counted from first_embryo. minutes: the stages, whole minutes from 51 to 204. slices: number of optical
    slices of each embryo and stage. size: (width, height) in pixels. seed: another number gives other embryos. processes: by
    default one per core. unlabelled: write the images directly into the folder, as image-001.tif and so on, without stages or
    embryos in their names. By default, labelled images get junk files, two broken TIFs and a copy, once for each first_embryo.

    Each image depends only on seed, embryo, minute, slice and size, so you can add embryos later. Existing files are kept. Return
    the paths of the images, without the junk files. Raises ValueError for impossible arguments, and OSError if the folder is not
    writable.
    """
    numbers, minutes = range(first_embryo, first_embryo + embryos), sorted(set(minutes))
    check_drawable(numbers, minutes, slices, size, seed)
    if any(minute != int(minute) for minute in minutes):
        raise ValueError("Stages must be whole minutes, because the folders have their names.")
    if processes is not None and processes < 1:
        raise ValueError(f"The number of processes must be 1 or more, not {processes}.")
    wanted = list(product(numbers, map(int, minutes), range(1, slices + 1)))
    paths = [Path(folder) / f"image-{number:03d}.tif" for number in range(1, len(wanted) + 1)]
    if not unlabelled:
        paths = [_tif_path(folder, *what) for what in wanted]
    jobs = [(path, *what, tuple(size), seed) for path, what in zip(paths, wanted, strict=True)]
    todo = [job for job in jobs if not job[0].exists()]
    processes = min(processes or os.cpu_count() or 1, max(len(todo), 1))
    progress = {"total": len(jobs), "initial": len(jobs) - len(todo), "unit": "image", "disable": None}
    if processes == 1:
        for _ in tqdm(map(_write_one, todo), **progress):
            pass
    else:
        with ProcessPoolExecutor(processes) as pool:
            for _ in tqdm(pool.map(_write_one, todo, chunksize=4), **progress):
                pass
    if droppings and not unlabelled:
        _write_droppings(folder, numbers, [int(minute) for minute in minutes], slices)
    return paths


def main(arguments=None):
    """Run the command line, see --help."""
    parser = argparse.ArgumentParser(
        description="Write synthetic movies of Drosophila embryos, so that you can try flystage. They say nothing about "
        "real embryos. Existing files are kept.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("folder", type=Path, help="folder for the images, with one sub-folder per stage")
    parser.add_argument("--embryos", type=int, default=12, metavar="N", help="number of embryos")
    parser.add_argument(
        "--minutes", type=int, nargs=3, default=(51, 195, 9), metavar=("FROM", "TO", "EVERY"),
        help=f"the stages, in minutes from {FIRST_MINUTE} to {LAST_MINUTE}, including TO",
    )  # fmt: skip
    parser.add_argument("--slices", type=int, default=1, metavar="N", help="optical slices of each embryo and stage")
    parser.add_argument(
        "--size", type=int, nargs=2, default=(WIDTH, HEIGHT), metavar=("W", "H"), help="width and height in pixels"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="another number gives other embryos")
    parser.add_argument("--first-embryo", type=int, default=1, metavar="N", help="number of the first embryo")
    parser.add_argument("--no-droppings", action="store_true", help="write no junk files, broken TIFs or copies")
    parser.add_argument(
        "--unlabelled", action="store_true", help="write image-001.tif ... without sub-folders, stages and embryos"
    )
    parser.add_argument("--processes", type=int, metavar="N", help="number of processes (None: one per core)")
    args = parser.parse_args(arguments)
    start, stop, every = args.minutes
    if every < 1:
        parser.error(f"argument --minutes: EVERY must be 1 or more, not {every}")
    try:
        paths = write_embryos(
            args.folder, args.embryos, range(start, stop + 1, every), args.slices, tuple(args.size), args.seed,
            not args.no_droppings, args.first_embryo, args.processes, args.unlabelled,
        )  # fmt: skip
    except (ValueError, OSError) as error:
        parser.error(str(error))
    print(
        f"{len(paths)} images of {args.embryos} embryo{'s' if args.embryos > 1 else ''} are in {args.folder}. "
        "They are synthetic and say nothing about real embryos."
    )


if __name__ == "__main__":
    main()
