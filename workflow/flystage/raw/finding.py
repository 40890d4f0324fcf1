"""Finding raw TIFs and reading stage and embryo from their names. No file is opened and none is written."""

import logging
import os
import re
import stat
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from flystage.core.errors import FlystageError
from flystage.raw.stages import chosen_stages

log = logging.getLogger("flystage")
# Where other systems and file servers keep what was deleted, older versions and thumbnails; in letters of either case.
NOT_RAW = re.compile(
    r"\$recycle\.bin|recycle[rd]|[#@]?recycle|recycle bin|files_(trashbin|versions)|network trash folder|temporary items"
    r"|[#~]snapshot|@recently-snapshot|[#@]eadir|@(tmp|sharebin|transcode)|__macosx"
    r"|system volume information|lost\+found|found\.\d{3}|(eh)?thumbs(_vista)?\.db(:encryptable)?|desktop\.ini",
    re.IGNORECASE,
)
CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class RawImage(NamedTuple):
    """One TIF as found. `status` is "" while nothing speaks against it, else "rejected" or "excluded" with a `reason`."""

    path: str
    stage: str
    embryo: str
    status: str = ""
    reason: str = ""


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


def find_images(folders, name_pattern, wanted_stages):
    """All raw images with stage and embryo, as a list of RawImage sorted by path.

    folders: raw folders. name_pattern: regular expression searched in the file name, with the named groups `stage` and
    `embryo` (both may be missing), or None. A TIF whose name gives no stage takes the name of the folder it lies in; one
    whose name gives no embryo is its own group, named by its path. wanted_stages: see `chosen_stages`.
    Raises FlystageError when the pattern fits no name, or as `find_tifs` and `chosen_stages` do.
    """
    pattern = re.compile(name_pattern) if name_pattern else None
    images, unmatched = [], []
    for path, relative in find_tifs(folders):
        parts = Path(relative).parts
        match = pattern.search(parts[-1]) if pattern else None
        groups = match.groupdict() if match else {}
        if not match:
            unmatched.append(path)
        stage = (groups.get("stage") or "").strip() or (parts[-2] if len(parts) > 1 else "")
        embryo = (groups.get("embryo") or "").strip() or os.path.splitext(relative)[0]
        images.append(_at_first_sight(RawImage(path, stage, embryo)))
    if pattern and len(unmatched) == len(images):
        raise FlystageError(
            f"name_pattern fits none of the {len(images)} TIFs, for example {os.path.basename(unmatched[0])!r}; correct it, or "
            "set name_pattern: null (stage from the folder, every image its own embryo)."
        )
    staged = {image.stage for image in images if image.stage}
    if not staged:
        raise FlystageError(
            f"No TIF has a stage, for example {os.path.basename(images[0].path)!r}: put the images into one folder per stage, or "
            "give name_pattern a group (?P<stage>...)."
        )
    chosen = chosen_stages(wanted_stages, staged)
    if len(chosen) < 2:
        raise FlystageError(f"Only one stage ({', '.join(chosen)}) has images; staging needs two or more.")
    images = [
        image._replace(status="excluded", reason=f"stage {image.stage} is not selected")
        if image.stage and image.stage not in chosen
        else image
        for image in images
    ]
    if all(image.status for image in images):
        reasons = Counter(image.reason for image in images).most_common(3)
        listed = "; ".join(f"{count} x {reason}" for reason, count in reasons)
        raise FlystageError(f"None of the {len(images)} TIFs can be used ({listed}).")
    return images


def _at_first_sight(image):
    """Reject what can be known to be unusable without opening it."""
    shown = RawImage(*map(readable, image[:3]))
    if shown != image:
        return shown._replace(status="rejected", reason="its name is not valid UTF-8 or has a line break; rename it")
    if "{" in image.path:
        return image._replace(
            status="rejected", reason="its path has a {, which Snakemake takes for a wildcard; rename it"
        )
    if not image.stage:
        return image._replace(status="rejected", reason="no stage: not in its name, and not in a stage folder")
    if reason := why_unreadable(image.path):
        return image._replace(status="rejected", reason=reason)
    return image


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
