"""Recognise label masks, which cellpose, napari, ilastik and others write next to the images."""

import os
import re

# "masked" is a picture without its background.
IN_NAME = re.compile(
    r"mask(?!ed)|labels|(?<![^\W_])(label|labelmap|seg|segmentations?|probabilities)(?![^\W_])", re.IGNORECASE
)
WIDE = ("int32", "uint32", "int64", "uint64")  # which cameras do not write
MANY_LEVELS = 256  # that pictures of light have in such numbers
FLAT = 0.9  # of the pixels. In 250 real images at most 0.53 were equal to their neighbour.
FOLDER = re.compile(r"(\w*[_ -])?(masks?|labels)", re.IGNORECASE)


def named_like_masks(images):
    """Return the RawImages whose file or folder is named like label masks, such as e01_cp_masks.tif or masks/e01.tif.

    The name of an image's stage does not count, because zebrafish have a stage "segmentation". A folder counts anyway.
    """
    return [image for image in images if _is_named_so(image)]


def _is_named_so(image):
    folder, name = os.path.split(image.path)
    stem = os.path.splitext(name)[0].lower().replace(image.stage.lower(), " ") if image.stage else name
    return bool(IN_NAME.search(stem) or FOLDER.fullmatch(os.path.basename(folder)))


def may_be_labels(dtype, levels, flat=0.0):
    """Return whether a picture may hold the numbers of segmented parts instead of light.

    dtype: numpy's name of the number type. levels: number of grey levels. flat: share of pixels equal to their right neighbour.
    """
    if levels < 2 or dtype.startswith("float"):
        return False
    return flat > FLAT or (dtype in WIDE and levels < MANY_LEVELS)
