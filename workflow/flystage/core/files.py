"""Write files atomically: a file appears complete or not at all."""

import errno
import glob
import os
import shutil
from contextlib import contextmanager
from pathlib import Path

SCARCE = 2**20  # bytes: a disk with less free space counts as full


@contextmanager
def written_whole(path):
    """Yield a temporary path in the folder of `path`. It replaces `path` only if the block ends without an error.

    On a full disk every error becomes an OSError (ENOSPC), because the errors of torch and numpy do not name the cause.
    """
    path = Path(os.path.realpath(path))  # replace the target of a link, not the link
    path.parent.mkdir(parents=True, exist_ok=True)
    for left_over in path.parent.glob(f".{glob.escape(path.name)}.*.tmp{glob.escape(path.suffix)}"):
        left_over.unlink(missing_ok=True)  # from a process that was killed
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    except Exception as error:
        if shutil.disk_usage(path.parent).free < SCARCE:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


def existing_folder(path):
    """Return `path`, or the nearest existing folder above it in which it will be created. An absolute path without links."""
    path = os.path.realpath(path)
    while not os.path.exists(path):
        path = os.path.dirname(path)
    return path
