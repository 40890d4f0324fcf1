"""Keep the white level of floats and wide integers, estimated once per data set, in a file next to the split lock."""

from flystage.core.errors import FlystageError
from flystage.core.records import read_json, write_json
from flystage.dataset.lock_places import lock_path

MEANING = "raw value that counts as 255 in floats and 32-bit integers; image.white in the configuration goes first"


def white_file(lock):
    """Return the path of the file with the estimate. lock: path of the split lock."""
    return f"{lock.removesuffix('.csv').removesuffix('.split')}.white.json"


def read_white(lock):
    """Return the estimated white level, or None if there is none. Raises FlystageError if the file is damaged."""
    try:
        return float(read_json(white_file(lock))["white"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FlystageError(
            f"{white_file(lock)} is damaged ({error}). Delete it to estimate the white level again, or set image.white."
        ) from error


def remember_white(lock, guess):
    """Save an estimate unless there is one already. Return the saved one. Raises FlystageError if it cannot be written."""
    kept = read_white(lock)
    if kept is not None:
        return kept
    try:
        write_json({"white": guess, "meaning": MEANING}, white_file(lock))
    except OSError as error:
        raise FlystageError(
            f"{white_file(lock)} cannot be written ({error.strerror}). Set split.lock to a writable, permanent place."
        ) from error
    return guess


def with_white(image, config):
    """Return the configuration's `image` section, or a variant of it, with the estimate as `float_white`, for `prepare`."""
    return image | {"float_white": read_white(lock_path(config["split"]["lock"], config["raw"]))}
