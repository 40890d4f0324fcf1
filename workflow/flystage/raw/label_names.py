"""Match the names of images in a table to files, also names that another computer or program changed."""

import os
import re
from collections import defaultdict
from pathlib import PureWindowsPath
from urllib.parse import unquote

from flystage.raw.stages import one_form

UPLOAD = re.compile(r"[0-9a-f]{8}-(?=.)", re.IGNORECASE)  # Label Studio puts this before the name of an uploaded file
PICTURES = (".tif", ".tiff", ".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".svg", ".json", ".xml", ".txt")


def files_by_name(found):
    """Return {name in the form of `as_named`: set of paths} of all names that a table may use for a file. found: see `labels_by_path`."""
    files = defaultdict(set)
    for path, relative in found:
        folder = os.path.basename(path.removesuffix(relative).rstrip(os.sep))
        for name in (path, os.path.abspath(path), os.path.join(folder, relative), relative, os.path.basename(path)):
            files[as_named(name)].add(path)
            files[as_named(os.path.splitext(name)[0])].add(path)
    return files


def as_named(name):
    """Return the name of a file in one form: with /, in one Unicode form, without a leading ./."""
    return PureWindowsPath(one_form(name)).as_posix().removeprefix("./")


def matches(names, files):
    """Return ({name: path}, {name: path} of those matched only by their end, {name: paths that it could mean}).

    names: of images in tables. files: see `files_by_name`. A name that is no file is cut at its front, an upload's prefix and its
    ending are taken off, and its case is ignored, until it names one file. A file that is matched otherwise, or by two
    different names, is not matched by an end.
    """
    names = dict.fromkeys(names)
    whole, several, by_end, ends = {}, {}, {}, defaultdict(list)
    for name in names:
        paths = files.get(as_named(name), ())
        if len(paths) == 1:
            whole[name] = next(iter(paths))
        elif paths:
            several[name] = sorted(paths)
    rest = [name for name in names if name not in whole and name not in several]
    folded = defaultdict(set)
    if rest:
        for name, paths in files.items():
            folded[name.casefold()] |= paths
    for name in rest:
        paths = next(filter(None, (files.get(end) or folded.get(end.casefold()) for end in _ends(name))), ())
        if len(paths) > 1:
            several[name] = sorted(paths)
        elif paths:
            ends[next(iter(paths))].append(name)
    taken = set(whole.values())
    for path, alike in ends.items():
        if len(alike) == 1 and path not in taken:
            by_end[alike[0]] = path
        else:
            several |= dict.fromkeys(alike, [path])
    return whole | by_end, by_end, several


def _ends(name):
    """Yield the names that the end of a name may be, the longest first."""
    name = as_named(name)
    for whole in dict.fromkeys((name, as_named(unquote(name.rpartition("?d=")[2] or name)))):
        parts = [part for part in whole.split("/") if part]
        for place in range(len(parts)):
            for last in dict.fromkeys((parts[-1], UPLOAD.sub("", parts[-1], count=1))):
                end = "/".join([*parts[place:-1], last])
                yield end
                stem, ending = os.path.splitext(end)
                if ending.casefold() in PICTURES:
                    yield stem
