"""Find the place of the split lock and of new labels, next to the raw folders, and check that the lock can be written there."""

import os

from flystage.core.errors import FlystageError
from flystage.core.files import existing_folder


def check_lock_place(path):
    """Raise FlystageError if a lock cannot be written at `path`, before any image is prepared."""
    place = existing_folder(os.path.dirname(os.path.realpath(path)))
    if not os.access(place, os.W_OK) or os.path.isdir(path):
        raise FlystageError(f"The split lock {path} cannot be written. Set split.lock to a writable, permanent place.")


def lock_path(setting, raw_folders):
    """Return the path of the split lock: `setting`, or for "auto" <folder>.split.csv next to the raw folders.

    "." and ".." stand for the name of their folder. An existing lock next to any of the raw folders is used, so the order of
    the folders may change.
    """
    if setting != "auto":
        return setting
    # earlier versions wrote "..split.csv" for "."
    once = [f"{os.path.normpath(folder)}.split.csv" for folder in raw_folders]
    return _beside(raw_folders, ".split.csv", once)


def made_labels(raw_folders):
    """Return the path of the table of labels to create if the setting `labels` is empty, or of an existing one, as for the lock."""
    return _beside(raw_folders, ".labels.csv")


def _beside(raw_folders, ending, once=()):
    candidates = [f"{_named(os.path.normpath(folder))}{ending}" for folder in raw_folders]
    return next((path for path in [*candidates, *once] if os.path.exists(path)), candidates[0])


def _named(folder):
    """Return a relative path to `folder` that ends with its name, even if it is given as "." or ".."."""
    if os.path.basename(folder) not in ("", ".", ".."):
        return folder
    name = os.path.basename(os.path.abspath(folder)) or "raw"
    return os.path.normpath(os.path.join(folder, "..", name))
