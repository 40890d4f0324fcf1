"""Find raw TIFs in folders, without opening or writing any file."""

import logging
import os
import re
import stat
from collections import Counter
from pathlib import Path

from flystage.core.errors import FlystageError

log = logging.getLogger("flystage")
# Folders and files in which systems and file servers keep deleted files, older versions and thumbnails, in upper or lower case.
NOT_RAW = re.compile(
    r"\$recycle\.bin|recycle[rd]|[#@]?recycle|recycle bin|files_(trashbin|versions)|network trash folder|temporary items"
    r"|[#~]snapshot|@recently-snapshot|[#@]eadir|@(tmp|sharebin|transcode)|__macosx"
    r"|system volume information|lost\+found|found\.\d{3}|(eh)?thumbs(_vista)?\.db(:encryptable)?|desktop\.ini",
    re.IGNORECASE,
)
# Characters that control a terminal, break a line, or cannot be shown in a page or figure.
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]")


def is_dropping(name):
    """Return whether a file or folder is a junk file of another program: hidden, a notebook checkpoint, a recycle bin, an index."""
    stem = name.rsplit(".", 1)[0].lower()
    return name.startswith((".", "~$")) or stem.endswith("-checkpoint") or bool(NOT_RAW.fullmatch(name))


def is_tif(name):
    """Return whether a file name has the ending of a TIF."""
    return name.lower().endswith((".tif", ".tiff"))


def find_tifs(folders):
    """Return all TIFs in `folders` without junk files: a sorted list of (path, path relative to its folder).

    Links to folders are followed, each real folder once. Raises FlystageError if a folder is missing or contains no TIF.
    """
    found, visited = [], set()
    for folder in folders:
        if not os.path.isdir(folder):
            raise FlystageError(
                f"The image folder {folder} does not exist. Correct raw or predict.images in the configuration."
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
                f"The image folder {folder} contains no TIF (*.tif, *.tiff). {'It contains ' + others if others else 'It is empty'}."
                " Correct raw or predict.images in the configuration."
            )
    return sorted(found)


def _identity(folder):
    status = os.stat(folder)
    return status.st_dev, status.st_ino


def _walk(top, visited):
    """Yield the files below `top`. `visited` prevents link loops and reading overlapping folders twice.

    Unreadable folders below `top` are skipped with a warning. Raises FlystageError if `top` itself cannot be read.
    """
    folders = [top]  # a list instead of recursion, because folders may be nested deeper than Python's stack
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
                    f"The folder {folder} cannot be read ({error.strerror}). Correct its permissions or move it away."
                ) from error
            log.warning(
                "The folder %s cannot be read (%s), so its images are left out. Correct its permissions.",
                readable(folder),
                error.strerror,
            )
            continue
        inner = []
        for _, name, is_folder in sorted(listed):  # same order everywhere, links last
            path = os.path.join(folder, name)
            if is_dropping(name):
                continue
            if is_folder or os.path.isdir(path):
                inner.append(path)
            else:
                yield path
        folders += reversed(inner)


def why_unreadable(path):
    """Return why a TIF cannot be opened, or "" if it can. Pipes are refused, because opening one would block."""
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
    """Return text with escapes for what a table cannot hold: bytes that are not UTF-8, line breaks, control characters."""
    text = os.fsencode(text).decode(errors="backslashreplace")
    return CONTROL.sub(_escaped, text)


def _escaped(match):
    number = ord(match.group())
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}"


def find_unlabelled(folders, checkpoint):
    """Return the sorted paths of the TIFs to predict. Raises FlystageError if no folder is set or the checkpoint is missing.

    checkpoint: its path; None if this run makes it first.
    """
    if not folders:
        raise FlystageError("Nothing to predict. Set predict.images to the folders with the unlabelled TIFs.")
    if checkpoint and not os.path.isfile(checkpoint):
        raise FlystageError(
            f"The checkpoint {checkpoint} does not exist. Train one with `snakemake all predict`, or set predict.checkpoint to another one."
        )
    return [path for path, _ in find_tifs(folders)]


def version_of(path):
    """Return (size in bytes, modification time in ns) of a file, which change when it is replaced, or None if it does not exist."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns
