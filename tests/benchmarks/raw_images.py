"""Raw images of the benchmarks: synthetic movies that are drawn once and kept."""

import os
from pathlib import Path

import embryos

MINUTES = range(51, 204, 3)  # 51 stages
SLICES = 3
MOVIE = len(MINUTES) * SLICES  # 153 TIFs
STUDY, MOVIES_23, LARGE = 1_187, 23 * MOVIE, 131 * MOVIE  # the study; 3,519; 20,043
SMALL_PICTURE = (222, 84)  # width and height, if only the number of files matters


def movies(folder, first, count, size=(embryos.WIDTH, embryos.HEIGHT)):
    """Draw `count` movies from number `first` on below `folder`, and return the sorted paths of their TIFs."""
    paths = embryos.write_embryos(
        folder, embryos=count, first_embryo=first, minutes=MINUTES, slices=SLICES, size=size, droppings=False
    )
    return sorted(Path(path) for path in paths)


def raw_folder(folder, images, size=(embryos.WIDTH, embryos.HEIGHT)):
    """Return a raw folder of `images` TIFs: whole movies, or for STUDY one slice each of 23 movies and a part of another."""
    drawn = folder.parent / f"drawn-{size[0]}"
    if images == STUDY:
        pool = [path for path in movies(drawn, 1, 24, size) if path.stem.endswith("-1")]
        pool.sort(key=lambda path: path.stem.split("-", 1)[1])
    else:
        pool = movies(drawn, 1, images // MOVIE, size)
    link(pool[:images], drawn, folder)
    return folder


def link(paths, drawn, folder):
    """Put the drawn TIFs into the stage folders of a raw folder, as hard links."""
    for path in paths:
        target = folder / path.relative_to(drawn)
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            os.link(path, target)
