"""Read prepared PNGs, with an error for missing or damaged ones, crop them to what they show, and make small versions."""

from pathlib import Path

import cv2
import numpy as np

from flystage.core.errors import FlystageError


def read_png(png):
    """Return the bytes of a prepared PNG. Raises FlystageError if it cannot be read."""
    try:
        return Path(png).read_bytes()
    except OSError as error:
        raise FlystageError(
            f"The prepared image {png} cannot be read ({error.strerror}). Delete its folder {Path(png).parent} and run again."
        ) from error


def decoded_png(png, data):
    """Return the picture in the bytes of the file `png`, uint8 array (height, width). Raises FlystageError if they are damaged."""
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE) if data else None
    if picture is None:
        raise FlystageError(f"The prepared image {png} is damaged. Delete its folder {Path(png).parent} and run again.")
    return picture


def filled_box(picture):
    """Return the box of a prepared picture without empty background, (top, left, bottom, right) in pixels.

    picture: uint8 array (height, width) with an empty corner. The box is the whole picture if all of it is empty.
    """
    filled = picture != picture[0, 0]
    if not filled.any():
        return 0, 0, *picture.shape
    rows, columns = (np.flatnonzero(filled.any(axis=axis)) for axis in (1, 0))
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1


def without_margin(picture):
    """Return the part of a prepared picture without empty background, see `filled_box`."""
    top, left, bottom, right = filled_box(picture)
    return picture[top:bottom, left:right]


def small_jpeg(picture, side):
    """Return a picture as the bytes of a JPEG with at most `side` pixels per side. It is never enlarged."""
    scale = min(1, side / max(picture.shape[:2]))
    size = [max(1, round(scale * length)) for length in picture.shape[1::-1]]
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes()
