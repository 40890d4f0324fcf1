"""Read the split of an earlier run from its catalog, so that embryos keep it, and warn about images that change their split."""

import hashlib
import os
import shutil
from collections import defaultdict
from typing import NamedTuple

from flystage.core.errors import FlystageError
from flystage.core.files import written_whole
from flystage.dataset.splitting import read_lock, rows_with_split

NAMED = 3  # examples in a sentence
SAMPLED = 3  # images per embryo whose checksums are compared if files were renamed


class EarlierImage(NamedTuple):
    """An image in the catalog of an earlier run. All fields are text. sha256: of the TIF's bytes, or "" if it was not read."""

    path: str
    embryo: str
    split: str
    sha256: str
    frame: str = ""


def keep_catalog(catalog):
    """Copy the last catalog to a hidden file in its folder, because Snakemake deletes it before a new one is made, which may fail."""
    if os.path.exists(catalog):
        with written_whole(_kept(catalog)) as temporary:
            shutil.copyfile(catalog, temporary)


def last_catalog(catalog):
    """Return the path of the catalog, or of the copy from `keep_catalog` if a failed run left no catalog."""
    return catalog if os.path.exists(catalog) or not os.path.exists(_kept(catalog)) else _kept(catalog)


def _kept(catalog):
    return os.path.join(os.path.dirname(catalog), f".{os.path.basename(catalog)}")


def read_earlier(catalog):
    """Return the images with a split in the catalog.csv of an earlier run, a list of EarlierImage, or [] without this file.

    Raises FlystageError if the file is not such a table.
    """
    if not os.path.exists(catalog):
        return []
    rows = rows_with_split(catalog, f"The catalog {catalog} is damaged", without_split=("",))
    return [EarlierImage(*(row.get(name) or "" for name in EarlierImage._fields)) for row in rows]


def known_splits(images, lock, catalog):
    """Return ({embryo: split} that must not change, images of an earlier run, warnings as sentences).

    images: (path, embryo) of every usable TIF. lock, catalog: paths of the split lock and of an earlier run's catalog.
    Both files may be missing.
    The lock takes precedence. An embryo that it lacks keeps its split in the catalog. An embryo with a new name keeps the split
    that all its images had. Images are recognised by path, or by checksum if files were renamed. An embryo whose images were
    in several splits is treated as new.
    Raises FlystageError if the lock is damaged, or if the catalog is damaged and there is no lock.
    """
    locked, sentences = read_lock(lock), []
    embryos = {embryo for _, embryo in images}
    try:
        earlier = read_earlier(catalog)
    except FlystageError as error:
        if not locked:
            raise
        return locked, [], [f"{error} flystage cannot check whether images change their split."]
    for embryo in sorted(embryos - set(locked)):  # ignore spaces around a name, as editors leave them
        same = {split for name, split in locked.items() if name not in embryos and name.strip() == embryo.strip()}
        if len(same) == 1:
            locked[embryo] = same.pop()
    split_then = {image.embryo: image.split for image in earlier}
    lacking = {embryo: split_then[embryo] for embryo in sorted(embryos - set(locked)) if embryo in split_then}
    if lacking and not locked:
        sentences.append(f"The split lock {lock} is missing. flystage restores the split from {catalog}.")
    elif lacking:
        sentences.append(
            f"The split lock {lock} lacks {len(lacking)} embryo(s) of the last run ({_some(lacking)}). A spreadsheet may have changed"
            f" names into dates or numbers. These embryos keep their split from {catalog}."
        )
    strangers = sorted(set(locked) - embryos)
    locked |= lacking
    renamed = _under_new_names(images, embryos - set(locked), earlier)
    if renamed:
        sentences.append(
            f"{len(renamed)} embryo(s) have a new name ({_some(renamed)}). They keep the split of their images."
        )
    locked |= renamed
    new = sorted(embryos - set(locked))
    if strangers and new and not earlier:
        sentences.append(
            f"The split lock {lock} lacks {len(new)} embryo(s) ({_some(new)}), which are now assigned to splits. It lists"
            f" {len(strangers)} without images ({_some(strangers)}). If a spreadsheet or a new name_pattern changed names, restore"
            " the lock from a copy."
        )
    return locked, earlier, sentences


def sentence_of_moves(images, split_of, earlier):
    """Return a warning about images that are in another split than in an earlier run, or "" if there are none.

    images: (path, embryo) of every usable TIF. split_of: {embryo: split} now. earlier: list of EarlierImage.
    """
    then = {image.path: image.split for image in earlier}
    moves = [
        f"{path} ({then[path]} -> {split_of[embryo]})"
        for path, embryo in images
        if then.get(path, split_of[embryo]) != split_of[embryo]
    ]
    if not moves:
        return ""
    return (
        f"{len(moves)} of {len(images)} images change their split: {_some(moves)}. The reason is a new name or the split lock, because"
        " an embryo is in only one split. New figures cannot be compared with earlier ones, whose test images were different. To keep"
        " the split, restore name_pattern, names or lock before you run anything."
    )


def _under_new_names(images, embryos, earlier):
    """Return {embryo: split} for those of `embryos` whose known images were all in one split."""
    then = {image.path: image.split for image in earlier}
    paths_of = defaultdict(list)
    for path, embryo in images:
        if embryo in embryos:
            paths_of[embryo].append(path)
    gone = {image.sha256: image.split for image in earlier if image.sha256 and not os.path.exists(image.path)}
    known = {}
    for embryo, paths in sorted(paths_of.items()):
        splits = {then[path] for path in paths if path in then}
        if not splits and gone:
            splits = {gone.get(_sha256(path)) for path in sorted(paths)[:SAMPLED]} - {None}
        if len(splits) == 1:
            known[embryo] = splits.pop()
    return known


def _sha256(path):
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def _some(names):
    names = list(names)
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
