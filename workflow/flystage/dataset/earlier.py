"""What an earlier run's catalog knows of the split: embryos that the lock lacks keep theirs, and images that move are told."""

import hashlib
import os
import shutil
from collections import defaultdict
from typing import NamedTuple

from flystage.core.errors import FlystageError
from flystage.core.files import written_whole
from flystage.dataset.splitting import read_lock, rows_with_split

NAMED = 3  # examples in a sentence
SAMPLED = 3  # images by which an embryo is known again whose files have new names


class EarlierImage(NamedTuple):
    """A picture as an earlier run's catalog has it: all as text, sha256 of the TIF's bytes ("" where it was not read)."""

    path: str
    embryo: str
    split: str
    sha256: str
    frame: str = ""


def keep_catalog(catalog):
    """Copy the catalog of the last run to a hidden file beside it: Snakemake deletes it before it is made anew, which may fail."""
    if os.path.exists(catalog):
        with written_whole(_kept(catalog)) as temporary:
            shutil.copyfile(catalog, temporary)


def last_catalog(catalog):
    """Path of the catalog, or, where a run that failed left none, of the copy that `keep_catalog` made."""
    return catalog if os.path.exists(catalog) or not os.path.exists(_kept(catalog)) else _kept(catalog)


def _kept(catalog):
    return os.path.join(os.path.dirname(catalog), f".{os.path.basename(catalog)}")


def read_earlier(catalog):
    """The images that have a split in an earlier run's catalog.csv, as a list of EarlierImage; [] when there is no such file.

    Raises FlystageError when the file is not such a table.
    """
    if not os.path.exists(catalog):
        return []
    rows = rows_with_split(catalog, f"The catalog {catalog} is damaged", without_split=("",))
    return [EarlierImage(*(row.get(name) or "" for name in EarlierImage._fields)) for row in rows]


def known_splits(images, lock, catalog):
    """({embryo: split} that must not change, the images of an earlier run, sentences that say what is not as it should be).

    images: (path, embryo) of every usable TIF. lock, catalog: paths of the split lock and of an earlier run's catalog;
    both files may be missing.
    What the lock says holds. An embryo that it lacks keeps the split that the catalog has for it, and one under a new name the
    split that all its images had, which are known again by their paths or, where files were renamed, by their bytes. Where its
    images were in several splits it is no known embryo.
    Raises FlystageError when the lock is damaged, or the catalog is and there is no lock.
    """
    locked, sentences = read_lock(lock), []
    embryos = {embryo for _, embryo in images}
    try:
        earlier = read_earlier(catalog)
    except FlystageError as error:
        if not locked:
            raise
        return locked, [], [f"{error} Whether images change their split is not known."]
    for embryo in sorted(embryos - set(locked)):  # a space behind a name, as editors leave it, is no other name
        same = {split for name, split in locked.items() if name not in embryos and name.strip() == embryo.strip()}
        if len(same) == 1:
            locked[embryo] = same.pop()
    split_then = {image.embryo: image.split for image in earlier}
    lacking = {embryo: split_then[embryo] for embryo in sorted(embryos - set(locked)) if embryo in split_then}
    if lacking and not locked:
        sentences.append(f"The split lock {lock} is gone; the split is taken from {catalog}.")
    elif lacking:
        sentences.append(
            f"The split lock {lock} lacks {len(lacking)} embryo(s) that the last run had ({_some(lacking)}), as when a spreadsheet"
            f" made dates or numbers of names; they keep their split, which is taken from {catalog}."
        )
    strangers = sorted(set(locked) - embryos)
    locked |= lacking
    renamed = _under_new_names(images, embryos - set(locked), earlier)
    if renamed:
        sentences.append(
            f"{len(renamed)} embryo(s) have a new name ({_some(renamed)}) and keep the split that all their images had."
        )
    locked |= renamed
    new = sorted(embryos - set(locked))
    if strangers and new and not earlier:
        sentences.append(
            f"The split lock {lock} lacks {len(new)} embryo(s) ({_some(new)}), which are dealt to the splits now, and has"
            f" {len(strangers)} without images ({_some(strangers)}): if a spreadsheet or a new name_pattern changed names, restore"
            " it from a copy."
        )
    return locked, earlier, sentences


def sentence_of_moves(images, split_of, earlier):
    """One sentence about the images that are in another split than in an earlier run; "" when there are none.

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
        f"{len(moves)} of {len(images)} images change their split: {_some(moves)}. The new names or the split lock ask for it (an"
        " embryo is in one split alone); figures of earlier runs, whose test images are others, cannot be compared with those to"
        " come. To leave the split as it was, put name_pattern, names or lock back before anything runs."
    )


def _under_new_names(images, embryos, earlier):
    """{embryo: split} of the embryos among `embryos` whose images, as far as they are known, were in one split."""
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
