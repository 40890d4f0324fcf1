"""What is white in the floats and wide integers of a data set: guessed once, kept beside the split lock, the same for all later images."""

from flystage.core.errors import FlystageError
from flystage.core.records import read_json, write_json
from flystage.dataset.lock_places import lock_path

MEANING = "raw value that counts as 255 in floats and 32-bit integers; image.white in the configuration goes first"


def white_file(lock):
    """Where the guess is kept. lock: path of the split lock."""
    return f"{lock.removesuffix('.csv').removesuffix('.split')}.white.json"


def read_white(lock):
    """The white that was guessed; None where none was. Raises FlystageError when the file is damaged."""
    try:
        return float(read_json(white_file(lock))["white"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FlystageError(
            f"{white_file(lock)} is damaged ({error}): delete it, and white is guessed anew, or set image.white."
        ) from error


def remember_white(lock, guess):
    """Keep a guess; the first one stays. Returns the one that is kept."""
    kept = read_white(lock)
    if kept is not None:
        return kept
    try:
        write_json({"white": guess, "meaning": MEANING}, white_file(lock))
    except OSError as error:
        raise FlystageError(
            f"{white_file(lock)} cannot be written ({error.strerror}): set split.lock to a place that can be written and kept."
        ) from error
    return guess


def with_white(image, config):
    """The configuration's `image` section, or a variant of it, with the guess as `float_white`, as `prepare` takes it."""
    return image | {"float_white": read_white(lock_path(config["split"]["lock"], config["raw"]))}
