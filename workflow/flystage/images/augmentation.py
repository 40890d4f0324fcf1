"""Change training pictures at random, only in ways that occur with embryos under a microscope."""

import cv2
import numpy as np


def augmented(picture, augment, random):
    """Return a uint8 array (size, size), rotated, shifted, scaled, brightened and made noisy at random. It is never mirrored.

    A mirrored embryo does not exist: dorsal and ventral, anterior and posterior are not exchangeable.
    augment: {"rotation": maximum degrees, "shift" and "scale": maximum share of the side, "brightness": maximum share,
    "noise": standard deviation as a share of white}. random: numpy Generator. Pixels from outside the picture get the grey
    of its corner.
    """
    size = len(picture)
    turn, scale, brightness = (augment[name] * random.uniform(-1, 1) for name in ("rotation", "scale", "brightness"))
    matrix = cv2.getRotationMatrix2D(((size - 1) / 2, (size - 1) / 2), turn, 1 + scale)
    matrix[:, 2] += augment["shift"] * size * random.uniform(-1, 1, 2)
    moved = cv2.warpAffine(picture, matrix, (size, size), flags=cv2.INTER_LINEAR, borderValue=float(picture[0, 0]))
    grey = moved * np.float32(1 + brightness)
    if augment["noise"]:
        grey += random.standard_normal(grey.shape, dtype=np.float32) * np.float32(255 * augment["noise"])
    return np.clip(np.rint(grey), 0, 255).astype(np.uint8)
