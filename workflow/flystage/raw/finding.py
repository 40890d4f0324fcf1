"""Finding raw TIFs below folders. No file is opened and none is written."""

import os
import re
from collections import Counter
from pathlib import Path

from flystage.core.errors import FlystageError

CONTROL = re.compile(r"[\x00-\x1f\x7f]")
PLACEHOLDER = re.compile(r"\{|<[a-z][a-z0-9_]*>")  # what Snakemake fills in wherever it stands in a path


def is_dropping(name):
    """Whether a file or folder is left over by some other program (hidden, a notebook's checkpoint, a thumbnail cache)."""
    stem = name.rsplit(".", 1)[0].lower()
    return name.startswith(".") or stem.endswith("-checkpoint") or name.lower() == "thumbs.db"


def is_tif(name):
    """Whether a file's name says that it is a TIF."""
    return name.lower().endswith((".tif", ".tiff"))


def find_tifs(folders):
    """All TIFs below `folders`, droppings left out: a sorted list of (path, path relative to its folder).

    Links to folders are followed, each real folder once. Raises FlystageError when a folder is missing or holds no TIF.
    """
    found, visited = [], set()
    for folder in folders:
        if not os.path.isdir(folder):
            raise FlystageError(
                f"The image folder {folder} does not exist; correct it in the configuration (raw or predict.images)."
            )
        other_endings, before, already = Counter(), len(found), _identity(folder) in visited
        for path in _walk(folder, visited):
            name = os.path.basename(path)
            if is_tif(name):
                found.append((path, os.path.relpath(path, folder)))
            else:
                other_endings[Path(name).suffix.lower() or "no ending"] += 1
        if len(found) == before and not already:
            others = ", ".join(f"{count} x {ending}" for ending, count in other_endings.most_common(4))
            raise FlystageError(
                f"The image folder {folder} holds no TIF (*.tif, *.tiff): {'it has ' + others if others else 'it is empty'}."
            )
    return sorted(found)


def _identity(folder):
    status = os.stat(folder)
    return status.st_dev, status.st_ino


def _walk(folder, visited):
    """Yield the files below `folder`; `visited` guards against link loops and overlapping folders."""
    try:
        identity = _identity(folder)
        if identity in visited:
            return
        visited.add(identity)
        entries = sorted(
            os.scandir(folder), key=lambda entry: (entry.is_symlink(), entry.name)
        )  # the same on any machine
    except OSError as error:
        raise FlystageError(
            f"The folder {folder} cannot be read ({error.strerror}); mend its permissions or move it away."
        ) from error
    for entry in entries:
        if is_dropping(entry.name):
            continue
        if os.path.isdir(entry.path):  # entry.is_dir() raises when a link leads to itself
            yield from _walk(entry.path, visited)
        else:
            yield entry.path


def why_unreadable(path):
    """Why a TIF cannot be opened, or "" when it can. Opening a pipe would wait for ever."""
    if not os.path.exists(path):
        return "a link that leads nowhere" if os.path.islink(path) else "no longer there"
    if not os.path.isfile(path):
        return "not a file"
    return "" if os.access(path, os.R_OK) else "no permission to read it"


def can_be_input(path):
    """Whether Snakemake can watch a file: it can be read, and its path holds nothing to be filled in or not to be printed."""
    return not (why_unreadable(path) or PLACEHOLDER.search(path) or readable(path) != path)


def readable(text):
    """Text with what a table cannot hold written as an escape: bytes that are not UTF-8, line breaks and their like."""
    text = os.fsencode(text).decode(errors="backslashreplace")
    return CONTROL.sub(lambda match: f"\\x{ord(match.group()):02x}", text)


def find_unlabelled(folders, checkpoint):
    """Paths of the TIFs to predict, sorted. Raises FlystageError when no folder is set or the checkpoint is missing."""
    if not folders:
        raise FlystageError("Nothing to predict: set predict.images to the folders with the unlabelled TIFs.")
    if not os.path.isfile(checkpoint):
        raise FlystageError(
            f"There is no checkpoint {checkpoint}: train one first with `snakemake --cores all`, or set predict.checkpoint to one."
        )
    return [path for path, _ in find_tifs(folders)]


def version_of(path):
    """Size in bytes and time of change (ns) of a file, which change when it is replaced; None when there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def newest(paths):
    """Of the files that Snakemake can watch, the one changed last, as a list of one path; [] when there is none."""
    versions = {path: version_of(path) for path in paths if can_be_input(path)}
    there = [path for path, version in versions.items() if version]
    return [max(there, key=lambda path: versions[path][1])] if there else []
