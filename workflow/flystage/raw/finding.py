"""Finding raw TIFs below folders. No file is opened and none is written."""

import logging
import os
import re
import stat
from collections import Counter
from pathlib import Path

from flystage.core.errors import FlystageError

log = logging.getLogger("flystage")
# Where other systems and file servers keep what was deleted, older versions and thumbnails; in letters of either case.
NOT_RAW = re.compile(
    r"\$recycle\.bin|recycle[rd]|[#@]?recycle|recycle bin|files_(trashbin|versions)|network trash folder|temporary items"
    r"|[#~]snapshot|@recently-snapshot|[#@]eadir|@(tmp|sharebin|transcode)|__macosx"
    r"|system volume information|lost\+found|found\.\d{3}|(eh)?thumbs(_vista)?\.db(:encryptable)?|desktop\.ini",
    re.IGNORECASE,
)
# What steers a terminal, breaks a line, or can be in no page and no figure.
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]")


def is_dropping(name):
    """Whether a file or folder is left over by some other program: hidden, a notebook's checkpoint, a recycle bin, an index."""
    stem = name.rsplit(".", 1)[0].lower()
    return name.startswith((".", "~$")) or stem.endswith("-checkpoint") or bool(NOT_RAW.fullmatch(name))


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


def _walk(top, visited):
    """Yield the files below `top`; `visited` guards against link loops and overlapping folders.

    A folder below it that cannot be read is told and passed over. Raises FlystageError when `top` itself cannot be read.
    """
    folders = [top]  # and not a function within itself: folders may be nested deeper than Python's stack
    while folders:
        folder = folders.pop()
        try:
            identity = _identity(folder)
            if identity in visited:
                continue
            visited.add(identity)
            with os.scandir(folder) as entries:
                listed = [(entry.is_symlink(), entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
        except OSError as error:
            if folder == top:
                raise FlystageError(
                    f"The folder {folder} cannot be read ({error.strerror}); mend its permissions or move it away."
                ) from error
            log.warning(
                "The folder %s cannot be read (%s): what lies in it is left out; mend its permissions.",
                readable(folder),
                error.strerror,
            )
            continue
        inner = []
        for _, name, is_folder in sorted(listed):  # the same on any machine; real folders before links to them
            path = os.path.join(folder, name)
            if is_dropping(name):
                continue
            if is_folder or os.path.isdir(path):
                inner.append(path)
            else:
                yield path
        folders += reversed(inner)


def why_unreadable(path):
    """Why a TIF cannot be opened, or "" when it can. Opening a pipe would wait for ever."""
    try:
        kind = os.stat(path).st_mode
    except PermissionError:
        return "no permission to read it"
    except OSError:
        return "a link that leads nowhere" if os.path.islink(path) else "no longer there"
    if not stat.S_ISREG(kind):
        return "not a file"
    return "" if os.access(path, os.R_OK) else "no permission to read it"


def readable(text):
    """Text with what a table cannot hold written as an escape: bytes that are not UTF-8, line breaks and their like."""
    text = os.fsencode(text).decode(errors="backslashreplace")
    return CONTROL.sub(_escaped, text)


def _escaped(match):
    number = ord(match.group())
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}"


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
