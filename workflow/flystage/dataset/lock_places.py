"""Where the split lock and the labels that are made lie, beside the raw folders, and whether the lock can be written there."""

import os

from flystage.core.errors import FlystageError
from flystage.core.files import existing_folder


def check_lock_place(path):
    """Raise FlystageError when a lock cannot be written at `path`: better now than when all images are prepared."""
    place = existing_folder(os.path.dirname(os.path.realpath(path)))
    if not os.access(place, os.W_OK) or os.path.isdir(path):
        raise FlystageError(
            f"The split lock {path} cannot be written there: set split.lock to a place that can be written and kept."
        )


def lock_path(setting, raw_folders):
    """Where the split lock lies: `setting`, or for "auto" beside the raw folders as <folder>.split.csv.

    "." and ".." count under the name of the folder that they are. An existing lock beside any of the raw folders is found
    again, so the order of the folders may change.
    """
    if setting != "auto":
        return setting
    # "..split.csv" for ".", in earlier versions
    once = [f"{os.path.normpath(folder)}.split.csv" for folder in raw_folders]
    return _beside(raw_folders, ".split.csv", once)


def made_labels(raw_folders):
    """Where the table of labels lies that is made where the setting `labels` names none: found again as the lock is."""
    return _beside(raw_folders, ".labels.csv")


def _beside(raw_folders, ending, once=()):
    candidates = [f"{_named(os.path.normpath(folder))}{ending}" for folder in raw_folders]
    return next((path for path in [*candidates, *once] if os.path.exists(path)), candidates[0])


def _named(folder):
    """A path to `folder` that ends with its name, though it be given as "." or "..", seen from here."""
    if os.path.basename(folder) not in ("", ".", ".."):
        return folder
    name = os.path.basename(os.path.abspath(folder)) or "raw"
    return os.path.normpath(os.path.join(folder, "..", name))
