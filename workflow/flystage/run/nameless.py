"""Let a run work for a user id without a name or a home folder, as in a container (docker -u) or while LDAP is down."""

import os
import pwd
import tempfile

NAMES = ("LOGNAME", "USER", "LNAME", "USERNAME")  # where Python looks for the name of the user


def settle():
    """Set the variables from which Snakemake and libraries take the user's name and the folder for caches, if they need it."""
    if not any(map(os.environ.get, NAMES)) and not _has_name(os.getuid()):
        os.environ["LOGNAME"] = f"user{os.getuid()}"
    if not _writable(os.getenv("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")):
        os.environ["XDG_CACHE_HOME"] = _own_folder(os.path.join(tempfile.gettempdir(), f"cache-of-user{os.getuid()}"))


def _has_name(user):
    try:
        return bool(pwd.getpwuid(user))
    except KeyError:
        return False


def _writable(folder):
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK | os.X_OK)


def _own_folder(folder):
    """Return a folder in which only this user may write: `folder`, or a new one if another user made it."""
    try:
        os.mkdir(folder, 0o700)
    except FileExistsError:
        status = os.lstat(folder)
        if status.st_uid != os.getuid() or status.st_mode & 0o170077 != 0o040000:
            return tempfile.mkdtemp()
    return folder
