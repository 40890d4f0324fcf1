"""One raw TIF -> normalised, rotated PNGs of one size. Full depth until the last step, one resampling, nothing cut."""

import csv
import hashlib
import os
import re
import zlib
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from flystage.core.cells import as_cell
from flystage.core.errors import FlystageError, UnusableTiff
from flystage.core.files import written_whole
from flystage.images.blank_borders import filled
from flystage.images.tiff import TOO_LARGE, read_grey, refuse_by_headers

cv2.setNumThreads(1)  # the workflow runs one process per core

FILE_FACTS = ("width", "height", "dtype", "channels", "pages", "minimum", "maximum", "levels", "clipped")
READING_FACTS = ("blank", "picture", "note")
UNROTATED_FACTS = ("png_minimum", "png_maximum", "png_levels")
PNG_FACTS = ("png", "angle", "png_sha256")
COLUMNS = (
    *("path", "frame", "stage", "embryo", "split", "status", "reason", "sha256"),
    *(*FILE_FACTS, *READING_FACTS, *UNROTATED_FACTS, *PNG_FACTS),
)
# White of floats and wide integers, and the largest value that still means it: resampling overshoots.
GUESSED_WHITES = ((1, 2), (255, 300), (65535, 2**17), (2**32 - 1, 2**33))
LARGE = 2**30  # bytes of a file
MANY_LEVELS = 100  # a picture with fewer grey values was made with few
LATER_SETTINGS = {
    "series": "auto",
    "max_blank": 0.25,
    "min_levels": 16,
    "float_white": None,
}  # which older checkpoints do not hold
FAST_PNG = [  # half the time of OpenCV's own choice, and smaller files
    *(cv2.IMWRITE_PNG_COMPRESSION, 1),
    *(cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE),
    *(cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_UP),
]


def normalised(plane, white, normalize):
    """Grey values on the 0-255 scale in floating point, and the share of pixels that the scale cannot hold.

    plane: 2-D array (height, width) at native depth. white: the value that becomes 255 before the normalisation.
    normalize: {"method": "multiply", "factor"}, or {"method": "percentile", "low", "high"}, which stretches the picture
    so that these percentiles of its own pixels become 0 and 255.
    Returns (float32 array, not yet saturated, clipped share from 0 to 1).
    Raises UnusableTiff when the percentiles coincide.
    """
    if normalize["method"] == "multiply":
        grey = np.multiply(plane, np.float32(255 * normalize["factor"] / white), dtype=np.float32)
    else:
        grey = plane.astype(np.float32)
        low, high = np.percentile(grey, [normalize["low"], normalize["high"]])
        if low == high:
            raise UnusableTiff(f"nearly all pixels have one value ({low:g}), there is nothing to stretch")
        grey = (grey - np.float32(low)) * np.float32(255 / (high - low))
    clipped = np.count_nonzero((grey < 0) | (grey > 255)) / grey.size
    return grey, float(clipped)


def turned(grey, angles, size, field="auto"):
    """The picture on a square canvas at each angle, resampled once.

    grey: float32 array (height, width), 0-255. angles: degrees, counter-clockwise. size: side of the canvas in pixels.
    field: how many raw pixels the canvas spans; "auto" is the picture's own diagonal. So the whole picture fits at every
    angle and its scale is the same at all of them. What lies outside the picture gets the median of its border.
    Each output pixel is the mean over the area it covers (a box filter of that width before sampling), so shrinking
    does not alias. Returns uint8 arrays (size, size), one per angle, rounded and saturated here and only here.
    Raises UnusableTiff when the picture does not fit into the field.
    """
    height, width = grey.shape
    diagonal = float(np.hypot(height, width))
    if field != "auto" and diagonal > field:
        raise UnusableTiff(f"its diagonal of {diagonal:.0f} pixels exceeds image.field ({field}): it would be cut")
    scale = size / (diagonal if field == "auto" else field)
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    background = float(np.median(border))
    if scale < 1:
        box = _box(1 / scale)
        grey = cv2.sepFilter2D(grey, cv2.CV_32F, box, box, borderType=cv2.BORDER_REPLICATE)
    pictures = []
    for angle in angles:
        centre = (width - 1) / 2, (height - 1) / 2
        matrix = cv2.getRotationMatrix2D(centre, angle, scale)
        matrix[:, 2] += (size - 1) / 2 - np.array(centre)
        turned_grey = cv2.warpAffine(
            grey, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=background
        )
        pictures.append(np.clip(np.rint(turned_grey), 0, 255).astype(np.uint8))
    return pictures


def _box(width):
    """A one-dimensional box of `width` pixels, its ends weighted by the part of a pixel they cover."""
    reach = int(np.ceil((width - 1) / 2))
    box = np.ones(2 * reach + 1, dtype=np.float32)
    box[0] = box[-1] = (width - (2 * reach - 1)) / 2
    return box / box.sum()


def guessed_white(maximum):
    """The value that is white in floats or wide integers up to `maximum`, of one image or of a whole data set.

    None when `maximum` is beyond every usual white.
    """
    return next((white for white, largest in GUESSED_WHITES if maximum <= largest), None)


def raw_plane(source, image, frame=None):
    """(the plane of a TIF that is used, facts): 2-D array (height, width) at native depth, its empty borders filled.

    source, image, frame: as for `prepare`. Facts are those of the file (see `read_grey`) and the share that was blank.
    Raises UnusableTiff with the reason, OSError when the disk does not give the file.
    """
    image = LATER_SETTINGS | image
    plane, facts = _read(source, image, frame)
    plane, blank = filled(plane, image["max_blank"])
    return plane, facts | {"blank": round(blank, 6)}


def white_of(facts, image, maximum):
    """The value that becomes 255 before the normalisation. Raises UnusableTiff when nothing says or suggests it.

    facts: of `read_grey`. image: the configuration's section; its float_white, if it has one, was guessed for all floats and wide
    integers of the data set. maximum: of this image, from which it is guessed otherwise.
    """
    image = LATER_SETTINGS | image
    white = facts["white"] if image["white"] == "auto" else image["white"]
    white = white or image["float_white"] or guessed_white(maximum)
    if white is None:
        raise UnusableTiff(f"values up to {maximum:g}: set image.white to the value that is white")
    return white


def prepare(source, image, angles, frame=None):
    """A TIF -> ([uint8 array (size, size) per angle], facts).

    source: path, file open in binary mode, bytes, or an OpenedTif. image: the configuration's `image` section, see also `white_of`.
    frame: the time point, a number from 1; None: see `read_grey`.
    Facts are those of the file plus minimum, maximum and levels (distinct grey values) of the plane used, the clipped share of
    its pixels, the share that was blank, its checksum (picture), and what is left of them at the first of the angles:
    png_minimum, png_maximum, png_levels.
    Raises UnusableTiff with the reason, OSError when the disk does not give the file.
    """
    try:
        return _prepared(source, LATER_SETTINGS | image, angles, frame)
    except (MemoryError, cv2.error) as error:
        if isinstance(error, cv2.error) and error.code != cv2.Error.StsNoMem:
            raise
        raise UnusableTiff(TOO_LARGE) from error


def _prepared(source, image, angles, frame):
    plane, facts = raw_plane(source, image, frame)
    minimum, maximum = plane.min(), plane.max()
    if minimum == maximum:
        where = f" in the plane used of a stack of {facts['pages']} pages" if facts["pages"] > 1 else ""
        raise UnusableTiff(f"every pixel has the same value ({minimum}){where}")
    grey, clipped = normalised(plane, white_of(facts, image, maximum), image["normalize"])
    del facts["white"]
    facts |= {
        "minimum": minimum.item(),
        "maximum": maximum.item(),
        "levels": grey_levels(plane, maximum),
        "clipped": round(clipped, 6),
        "picture": picture_checksum(plane, minimum, maximum),
    }
    pictures = turned(grey, angles, image["size"], image["field"])
    darkest, brightest = pictures[0].min(), pictures[0].max()
    if darkest == brightest:
        raise UnusableTiff(f"image.normalize leaves nothing of it: {clipped:.0%} of its pixels saturate")
    levels = grey_levels(pictures[0], brightest)
    if levels < image["min_levels"] and facts["levels"] >= max(MANY_LEVELS, image["min_levels"]):
        raise UnusableTiff(
            f"only {levels} of its {facts['levels']} grey levels are left (image.min_levels is {image['min_levels']}): change"
            " image.normalize or image.white"
        )
    return pictures, facts | {"png_minimum": int(darkest), "png_maximum": int(brightest), "png_levels": levels}


def _read(source, image, frame=None):
    options = {"series": image["series"], "white": image["white"], "frame": frame}
    return read_grey(source, image["page"], image["channel"], image["max_pixels"], **options)


def picture_checksum(plane, minimum, maximum):
    """SHA-256 of a picture's values and shape: the same for equal values in whatever kind of numbers.

    plane: 2-D array without NaN. minimum, maximum: of it.
    """
    kind = "<f8"
    if plane.dtype.kind != "f" or (abs(minimum) < 2**53 and abs(maximum) < 2**53 and (plane == np.rint(plane)).all()):
        kind = "<u2" if minimum >= 0 and maximum < 2**16 else "<i8"
    checksum = hashlib.sha256(f"{plane.shape}".encode())
    checksum.update(np.ascontiguousarray(plane, kind))
    return checksum.hexdigest()


def encoded_png(picture):
    """The bytes of a PNG that holds a uint8 array (height, width)."""
    return cv2.imencode(".png", picture, FAST_PNG)[1].tobytes()


def grey_levels(plane, maximum):
    """How many distinct values a 2-D array holds. maximum: the largest of them."""
    if plane.dtype in (np.uint8, np.uint16):  # many times as fast as np.unique
        values = int(maximum) + 1
        return int(np.count_nonzero(cv2.calcHist([plane], [0], None, [values], [0, values])))
    return len(np.unique(plane))


def open_raw(path):
    """An image's file, open for reading. Raises OSError when it cannot be read, FlystageError when it is no longer there.

    For the latter must not be recorded as a property of the image: it would stay rejected when it is back.
    """
    try:
        return open(path, "rb")
    except OSError as error:
        if os.path.exists(path):
            raise
        raise FlystageError(
            f"The image {path} was there when the run began and is gone; bring it back, or do without it, and run again."
        ) from error


def checksum(file, image):
    """SHA-256 of a TIF's bytes. file: open in binary mode. image: as for `prepare`.

    A large file is not read through for that if its headers tell that it cannot be used: then UnusableTiff is raised.
    """
    if os.fstat(file.fileno()).st_size > LARGE:
        refuse_by_headers(file, image["max_pixels"], (LATER_SETTINGS | image)["series"])
        file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()


def before_and_after(path, image, angles, frame=None):
    """(raw plane, white, pictures) of one TIF for showing: the plane as read, the value a viewer shows as white, the PNGs.

    image, angles, frame: as for `prepare`. Raises UnusableTiff.
    """
    with open_raw(path) as file:
        plane, facts = _read(file, LATER_SETTINGS | image, frame)
        return plane, facts["white"] or float(np.nanmax(plane)), prepare(file, image, angles, frame)[0]


def png_name(path, angle, frame=""):
    """A file name for one angle of a raw image: its own name made harmless, a checksum of its path, its time point, the angle."""
    stem = re.sub(r"[^A-Za-z0-9._()-]", "_", Path(path).stem)[:120].lstrip(".-") or "image"
    time_point = f"-t{int(frame):05d}" if frame else ""
    return f"{stem}-{zlib.crc32(os.fsencode(path)):08x}{time_point}-{angle:03d}.png"


def prepare_bucket(rows, split, image, angles, png_folder, table):
    """Prepare the raw images of one bucket: PNGs into `png_folder`, one row per PNG or rejected TIF into the CSV `table`.

    rows: list of (path, stage, embryo, time point from 1 or ""). split: they belong to. image: the configuration's section.
    angles: the angles to store, in degrees. A TIF that cannot be used gets one row with status "rejected" and a reason.
    """
    png_folder = Path(png_folder)
    png_folder.mkdir(parents=True, exist_ok=True)
    with written_whole(table) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        checksums = {}
        for path, stage, embryo, frame in tqdm(rows, unit="TIF", delay=3, disable=None, leave=False):
            row = {"path": path, "frame": frame, "stage": stage, "embryo": embryo, "split": split}
            for png_row in _prepare_file(path, frame, image, angles, png_folder, checksums):
                writer.writerow({name: as_cell(value) for name, value in (row | png_row).items()})


def _prepare_file(path, frame, image, angles, png_folder, checksums):
    """Rows of one picture. checksums: of the files read so far, so that a movie is read through once and not for each time point."""
    try:
        with open_raw(path) as file:
            common = {}
            try:
                if path not in checksums:
                    checksums[path] = checksum(file, image)
                common = {"sha256": checksums[path]}
                pictures, facts = prepare(file, image, angles, int(frame) if frame else None)
            except UnusableTiff as reason:
                return [common | {"status": "rejected", "reason": str(reason)}]
    except OSError as error:
        return [{"status": "rejected", "reason": f"cannot be read ({error.strerror})"}]
    rows = []
    for angle, picture in zip(angles, pictures, strict=True):
        png = png_folder / png_name(path, angle, frame)
        encoded = encoded_png(picture)
        png.write_bytes(encoded)
        rows.append(
            common
            | facts
            | {
                "status": "used",
                "png": str(png),
                "angle": angle,
                "png_sha256": hashlib.sha256(encoded).hexdigest(),
            }
        )
    return rows
