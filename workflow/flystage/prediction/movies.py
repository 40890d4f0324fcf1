"""Find the images that are frames of one movie."""

import logging
import os
import re
from collections import Counter, defaultdict
from typing import NamedTuple

import numpy as np

from flystage.core.wording import first_few
from flystage.images.reading import facts_if_readable
from flystage.prediction.frame_numbers import frame_numbers, uneven_steps
from flystage.raw.finding import readable
from flystage.raw.naming import groups_of
from flystage.raw.planes_in_names import without_plane
from flystage.raw.stages import natural_key, one_form

log = logging.getLogger("flystage")
FOLDER, NONE = "folder", "none"
EXAMPLES = 3  # movies or files that a sentence names


class Series(NamedTuple):
    """The movies of the images to predict.

    embryos: embryo or movie of each row, array of text, "" if unknown. numbers: its frame, float array, NaN if unknown. seconds:
    {movie: seconds from one frame to the next} where names or files tell it. films: {movie: path} of the movies in one file.
    """

    embryos: np.ndarray
    numbers: np.ndarray
    seconds: dict
    films: dict


def frames_of_series(table, folders, pattern, how):
    """Return the Series of the images to predict.

    table: from `prepare_unlabelled`. folders: that contain the images. pattern: setting name_pattern. how: setting
    predict.series.
    "auto": The time points of a file are the frames of a movie. Files are frames of a movie too if the pattern finds
    an embryo and a frame in their names, see `frame_numbers`. Images with the same embryo and frame are optical slices of one
    moment. A name with an embryo but no frame gives no order. If one embryo has the same frame in several folders, each folder has
    a movie of its own, unless the pattern describes the path. "folder": The files in one folder are frames, in natural
    order. Files that differ only in depth or channel are one moment. "none": There are no movies. Rejected rows belong to no movie.
    Warns of doubtful names.
    """
    embryos, numbers = np.full(len(table), "", dtype=object), np.full(len(table), np.nan)
    used = (table["status"] == "used").to_numpy()
    if how == NONE:
        return Series(embryos, numbers, {}, {})
    compiled = re.compile(pattern) if pattern else None
    films = set(table.loc[used & (table["frame"] != ""), "image"])
    names = {image: _below(image, folders) for image in sorted(set(table.loc[used, "image"]), key=natural_key)}
    groups = {image: groups_of(name, compiled) or {} for image, name in names.items()}
    keys = _keys_of_movies(groups, films, pattern, how)
    shown = _names_of_movies(keys, names, folders)
    frames, seconds = _frames(keys, groups, names, films, shown, how)
    for place in np.flatnonzero(used):
        image = table["image"].iat[place]
        number = int(table["frame"].iat[place]) if image in films else frames[image]
        embryos[place] = shown[keys[image]]
        numbers[place] = np.nan if number is None or not embryos[place] else number
    return Series(embryos, numbers, seconds, {shown[keys[image]]: image for image in sorted(films)})


def with_own_times(series, table, number):
    """Return the Series with the times that the files of its movies say.

    table: from `prepare_unlabelled`. number: setting image.series. A file's time points are numbered by their times, in units of the
    usual step, so that a dropped frame leaves a gap.
    """
    numbers, seconds = series.numbers.copy(), dict(series.seconds)
    for movie, image in series.films.items():
        facts = facts_if_readable(image, number)
        times = facts and facts.times
        step = times and float(np.median(np.diff(times)))
        if step:
            seconds[movie] = step
            rows = np.flatnonzero((table["image"] == image).to_numpy() & ~np.isnan(numbers))
            places = table["frame"].iloc[rows].astype(int).to_numpy() - 1
            numbers[rows] = np.round(1 + np.array(times)[places] / step, 4)
    return series._replace(numbers=numbers, seconds=seconds)


def _keys_of_movies(groups, films, pattern, how):
    """Return {image: key of its movie}. Warns of embryos with frames in several folders.

    groups: {image: {group of the pattern: text}}. films: images with time points. pattern, how: see `frames_of_series`.
    """
    embryo_of = {image: one_form(its.get("embryo") or "") for image, its in groups.items()}
    keys = {image: ("embryo", embryo) for image, embryo in embryo_of.items()}
    if how == FOLDER:
        keys |= {image: ("folder", os.path.dirname(image)) for image in groups if image not in films}
    elif pattern and "/" not in pattern:
        apart = _embryos_in_several_folders(groups, embryo_of)
        keys |= {
            image: ("apart", embryo, os.path.dirname(image)) for image, embryo in embryo_of.items() if embryo in apart
        }
    images_of = Counter(keys.values())
    for image in films:  # two files of one embryo may start at different times, so they are two movies
        if not embryo_of[image] or images_of[keys[image]] > 1:
            keys[image] = "file", image
    return keys


def _embryos_in_several_folders(groups, embryo_of):
    """Return the embryos with one frame in several folders, a set. Warns of all embryos with frames in several folders."""
    folders_of = defaultdict(lambda: defaultdict(set))
    for image, its in groups.items():
        if embryo_of[image] and its.get("frame"):
            frame = re.sub(r"0*(\d+)", r"\1", its["frame"])
            folders_of[embryo_of[image]][frame].add(os.path.dirname(image))
    several = {embryo for embryo, frames in folders_of.items() if len(set().union(*frames.values())) > 1}
    apart = {embryo for embryo in several if any(len(folders) > 1 for folders in folders_of[embryo].values())}
    if apart:
        log.warning(
            "%s has the same frames in several folders, so each folder counts as a movie of its own. If the folders hold slices of one"
            " movie, let name_pattern describe the path, for example with (?:^|/) before the embryo.",
            _listed(apart),
        )
    if several - apart:
        log.warning(
            "%s has frames in several folders, which count as one movie. If they are several movies, give their embryos different names.",
            _listed(several - apart),
        )
    return apart


def _frames(keys, groups, names, films, shown, how):
    """Return ({image: frame or None}, {movie: seconds from frame to frame}) of the images without time points. Warns of odd frames.

    keys: from `_keys_of_movies`. groups, names: of each image. shown: {key: name of its movie}. how: see `frames_of_series`.
    """
    by_movie, frames, seconds = defaultdict(list), dict.fromkeys(groups), {}
    for image in groups:
        if image not in films and shown[keys[image]]:
            by_movie[keys[image]].append(image)
    odd, falling, uneven, planes = [], [], [], []
    for key, images in by_movie.items():
        named = [image for image in images if groups[image].get("frame")]
        found, step = frame_numbers([groups[image]["frame"] for image in named])
        of_names = dict(zip(named, found, strict=True))
        odd += [image for image, number in of_names.items() if number is None]
        if None in found or (how == FOLDER and len(named) < len(images)):
            found, step = [], None
        if how == FOLDER and not found:
            of_names, several = _places(images)
            planes += [shown[key]] * several
        frames |= of_names
        if step:
            seconds[shown[key]] = step
            uneven += [shown[key]] * uneven_steps(found)
        if len(set(found)) == len(found) and found != sorted(found):
            falling.append(shown[key])
    if odd:
        log.warning(
            "The frame of %d image(s) is not one number or time (%r in %s), so names do not give their order. Correct the group"
            " (?P<frame>...) of name_pattern.",
            len(odd), groups[odd[0]]["frame"], names[odd[0]],
        )  # fmt: skip
    for movies, sentence in (
        (
            falling,
            "The frames of %s do not rise in the order of the file names, so the order of the movie may be wrong. Let the group"
            " (?P<frame>...) of name_pattern include the date, or take a counter.",
        ),
        (
            uneven,
            "The clock in the file names of %s does not advance evenly. If frames are missing, this is right. If the clock was changed,"
            " rename the files.",
        ),
        (
            planes,
            "The file names in %s hold the depth or the channel of a plane. Files that differ in nothing else count as one moment. Move"
            " channels that the network was not trained on into another folder.",
        ),
    ):
        if movies:
            log.warning(sentence, _listed(movies))
    return frames, seconds


def _places(images):
    """Return ({image: its place in natural order}, whether planes of one moment share a place). images: of one folder, in order."""
    moments = [without_plane(os.path.splitext(os.path.basename(image))[0]) for image in images]
    places = {moment: place for place, moment in enumerate(dict.fromkeys(moments))}
    if len(places) in (1, len(images)):  # with one place, nothing but the depth would tell the time
        return {image: place for place, image in enumerate(images)}, False
    return {image: places[moment] for image, moment in zip(images, moments, strict=True)}, True


def _names_of_movies(keys, names, folders):
    """Return {key: name of its movie}, all different. A name is as short as possible."""
    choices = {}
    for kind, *what in keys.values():
        if kind == "embryo":
            choices[kind, *what] = what
        elif kind == "apart":
            embryo, folder = what
            choices[kind, *what] = [f"{_below(folder, folders)}/{embryo}".lstrip("/"), f"{readable(folder)}/{embryo}"]
        elif kind == "folder":
            choices[kind, *what] = [_below(what[0], folders) or os.path.basename(what[0]), readable(what[0])]
        else:
            choices[kind, *what] = [os.path.splitext(names[what[0]])[0], names[what[0]], readable(what[0])]
    shown = {key: one_form(its[0]) for key, its in choices.items()}
    for longer in (1, 2):
        shared = Counter(shown.values())
        shown |= {
            key: one_form(its[longer]) for key, its in choices.items() if shared[shown[key]] > 1 and len(its) > longer
        }
    return shown


def _below(image, folders):
    """Return the path of an image relative to its folder, with / between names."""
    shown = [readable(folder).rstrip(os.sep) for folder in folders]
    inside = [folder for folder in shown if image == folder or image.startswith(folder + os.sep)]
    name = image.removeprefix(max(inside, key=len)) if inside else image
    return name.strip(os.sep).replace(os.sep, "/")


def _listed(names):
    return first_few(sorted(names, key=natural_key), EXAMPLES)
