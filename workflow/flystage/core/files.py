"""Files that are there whole or not at all."""

import errno
import glob
import os
import shutil
from contextlib import contextmanager
from pathlib import Path

SCARCE = 2**20  # bytes; a disk with less is full


@contextmanager
def written_whole(path):
    """Yield a temporary path beside `path`; it takes the place of `path` only when the block ends without an error.

    On a full disk every error becomes the OSError that says so: those of torch and numpy do not.
    """
    path = Path(os.path.realpath(path))  # a link stays a link
    path.parent.mkdir(parents=True, exist_ok=True)
    for left_over in path.parent.glob(f".{glob.escape(path.name)}.*.tmp{glob.escape(path.suffix)}"):
        left_over.unlink(missing_ok=True)  # by a process that was killed
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
    """`path`, or the nearest folder above it that exists: where it will be made. An absolute path."""
    path = os.path.realpath(path)
    while not os.path.exists(path):
        path = os.path.dirname(path)
    return path
