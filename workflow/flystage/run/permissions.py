"""Tell a user who may only read the folders of another one."""

import os
import pwd

from flystage.core.files import existing_folder


def sentence_if_read_only(folders):
    """Return a sentence if this user may not write to one of `folders`, or to where it will be made; "" otherwise."""
    for folder in folders:
        place = existing_folder(folder)
        if not os.access(place, os.W_OK | os.X_OK):
            return (
                f"You may not write to {os.path.relpath(place)}, which belongs to {_owner(place)}. You can look at results there. To run"
                " something, work in a folder of your own, with absolute paths in raw, predict.images and predict.checkpoint."
            )
    return ""


def _owner(path):
    user = os.stat(path).st_uid
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"user {user}"
