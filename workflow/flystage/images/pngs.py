"""Reading prepared PNGs, with a sentence for each that is missing or damaged."""

from pathlib import Path

import cv2
import numpy as np

from flystage.core.errors import FlystageError


def read_png(png):
    """The bytes of a prepared PNG. Raises FlystageError when it cannot be read."""
    try:
        return Path(png).read_bytes()
    except OSError as error:
        raise FlystageError(
            f"The prepared image {png} cannot be read ({error.strerror}): delete its folder {Path(png).parent} and run again."
        ) from error


def decoded_png(png, data):
    """The picture, uint8 array (height, width), in the bytes of the file `png`. Raises FlystageError when they are damaged."""
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE) if data else None
    if picture is None:
        raise FlystageError(f"The prepared image {png} is damaged: delete its folder {Path(png).parent} and run again.")
    return picture
