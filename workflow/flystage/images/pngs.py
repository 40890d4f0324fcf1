"""Prepared PNGs: read, with a sentence for each that is missing or damaged; cut to what they show; made small for the eye."""

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


def filled_box(picture):
    """(top, left, bottom, right), in pixels, of what is not empty background in a prepared picture; the whole of it where all is empty.

    picture: uint8 array (height, width), its corner empty.
    """
    filled = picture != picture[0, 0]
    if not filled.any():
        return 0, 0, *picture.shape
    rows, columns = (np.flatnonzero(filled.any(axis=axis)) for axis in (1, 0))
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1


def without_margin(picture):
    """The part of a prepared picture that is not empty background, see `filled_box`."""
    top, left, bottom, right = filled_box(picture)
    return picture[top:bottom, left:right]


def small_jpeg(picture, side):
    """A picture as a JPEG of `side` pixels at most, bytes; it is never made larger."""
    scale = min(1, side / max(picture.shape[:2]))
    size = [max(1, round(scale * length)) for length in picture.shape[1::-1]]
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes()
