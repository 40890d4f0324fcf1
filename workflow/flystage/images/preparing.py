"""Turn a raw TIF into normalised, rotated PNGs of one size, at full depth until the last step, resampled once, without cropping."""

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
from flystage.images.reading import read_grey, refuse_by_headers
from flystage.images.tiff import TOO_LARGE

cv2.setNumThreads(1)  # the workflow runs one process per core

FILE_FACTS = ("width", "height", "dtype", "channels", "pages", "minimum", "maximum", "levels", "clipped")
READING_FACTS = ("blank", "brightness", "pixel_size", "picture", "note")
UNROTATED_FACTS = ("png_minimum", "png_maximum", "png_levels")
PNG_FACTS = ("png", "angle", "png_sha256")
COLUMNS = (
    *("path", "frame", "stage", "embryo", "split", "status", "reason", "sha256"),
    *(*FILE_FACTS, *READING_FACTS, *UNROTATED_FACTS, *PNG_FACTS),
)
# White levels of floats and wide integers, each with the largest value for which it is assumed, because resampling overshoots.
GUESSED_WHITES = ((1, 2), (255, 300), (65535, 2**17), (2**32 - 1, 2**33))
CHANGE_WHITE = "change image.normalize or image.white"
LARGE = 2**30  # bytes: a file above this is checked by its headers before it is read completely
MANY_LEVELS = 100  # a picture with fewer grey levels never had many
LATER_SETTINGS = {
    "series": "auto",
    "max_blank": 0.25,
    "min_levels": 16,
    "float_white": None,
}  # settings that older checkpoints lack
FAST_PNG = [  # half the time of OpenCV's defaults, and smaller files
    *(cv2.IMWRITE_PNG_COMPRESSION, 1),
    *(cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE),
    *(cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_UP),
]


def normalised(plane, white, normalize):
    """Return grey values on the 0-255 scale in floating point, and the share of pixels outside this scale.

    plane: 2-D array (height, width) at native depth. white: the white level, which becomes 255 before normalisation.
    normalize: {"method": "multiply", "factor"}, or {"method": "percentile", "low", "high"}, which stretches the picture
    so that these percentiles of its own pixels become 0 and 255.
    Returns (float32 array, not yet saturated, clipped share from 0 to 1).
    Raises UnusableTiff if the percentiles coincide.
    """
    if normalize["method"] == "multiply":
        grey = np.multiply(plane, np.float32(255 * normalize["factor"] / white), dtype=np.float32)
    else:
        grey = plane.astype(np.float32)
        low, high = np.percentile(grey, [normalize["low"], normalize["high"]])
        if low == high:
            raise UnusableTiff(f"nearly all pixels have one value ({low:g}), so it cannot be stretched")
        grey = (grey - np.float32(low)) * np.float32(255 / (high - low))
    clipped = np.count_nonzero((grey < 0) | (grey > 255)) / grey.size
    return grey, float(clipped)


def turned(grey, angles, size, field="auto"):
    """Rotate a picture by each angle on a square canvas, resampled once.

    grey: float32 array (height, width), 0-255. angles: degrees, counter-clockwise. size: side of the canvas in pixels.
    field: number of raw pixels across the canvas, or "auto" for the diagonal of the picture. The whole picture then fits at
    every angle, at the same scale. Pixels outside the picture get the median of its border.
    Each output pixel is the mean of the area that it covers (a box filter of that width before sampling), so shrinking
    does not alias. Multiples of 90 degrees are exact quarter turns of the unrotated picture. Returns uint8 arrays (size, size), one per
    angle. Values are rounded and saturated only here.
    Raises UnusableTiff if the picture does not fit into the field.
    """
    height, width = grey.shape
    diagonal = float(np.hypot(height, width))
    if field != "auto" and diagonal > field:
        raise UnusableTiff(f"its diagonal of {diagonal:.0f} pixels exceeds image.field ({field}): it would be cropped")
    scale = size / (diagonal if field == "auto" else field)
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    background = float(np.median(border))
    if scale < 1:
        box = _box(1 / scale)
        grey = cv2.sepFilter2D(grey, cv2.CV_32F, box, box, borderType=cv2.BORDER_REPLICATE)
    drawn, pictures = {}, []
    for angle in angles:
        turns, rest = divmod(angle, 90)
        if rest == 0 and 0 in drawn:  # an exact turn, so that it is the same picture as a view of the unrotated PNG
            pictures.append(np.ascontiguousarray(np.rot90(drawn[0], turns)))
            continue
        centre = (width - 1) / 2, (height - 1) / 2
        matrix = cv2.getRotationMatrix2D(centre, 0 if rest == 0 else angle, scale)
        matrix[:, 2] += (size - 1) / 2 - np.array(centre)
        turned_grey = cv2.warpAffine(
            grey, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=background
        )
        picture = np.clip(np.rint(turned_grey), 0, 255).astype(np.uint8)
        if rest == 0:
            drawn[0], picture = picture, np.ascontiguousarray(np.rot90(picture, turns))
        pictures.append(picture)
    return pictures


def _box(width):
    """Return a one-dimensional box filter of `width` pixels, whose ends are weighted by the part of a pixel that they cover."""
    reach = int(np.ceil((width - 1) / 2))
    box = np.ones(2 * reach + 1, dtype=np.float32)
    box[0] = box[-1] = (width - (2 * reach - 1)) / 2
    return box / box.sum()


def guessed_white(maximum):
    """Return the white level of floats or wide integers up to `maximum`, for one image or a whole data set.

    None if `maximum` is above all usual white levels.
    """
    return next((white for white, largest in GUESSED_WHITES if maximum <= largest), None)


def raw_plane(source, image, frame=None):
    """Return (used plane of a TIF, facts). The plane is a 2-D array (height, width) at native depth with filled empty borders.

    source, image, frame: as for `prepare`. Facts are those of the file (see `read_grey`) and blank, the share of empty pixels.
    Raises UnusableTiff with the reason, or OSError if the disk cannot read the file.
    """
    image = LATER_SETTINGS | image
    plane, facts = _read(source, image, frame)
    plane, blank = filled(plane, image["max_blank"])
    return plane, facts | {"blank": round(blank, 6)}


def white_of(facts, image, maximum):
    """Return the white level, which becomes 255 before normalisation. Raises UnusableTiff if it cannot be found or estimated.

    facts: of `read_grey`. image: the configuration's section. Its float_white, if set, is the estimate for all floats and wide
    integers of the data set. maximum: of this image, from which the white level is estimated otherwise.
    """
    image = LATER_SETTINGS | image
    white = facts["white"] if image["white"] == "auto" else image["white"]
    white = white or image["float_white"] or guessed_white(maximum)
    if white is None:
        raise UnusableTiff(f"values up to {maximum:g}, so the white level is unknown: set image.white")
    return white


def prepare(source, image, angles, frame=None):
    """Return ([uint8 array (size, size) per angle], facts) of a TIF.

    source: path, file open in binary mode, bytes, or an OpenedTif. image: the configuration's `image` section, see also `white_of`.
    frame: the time point, a number from 1, or None, see `read_grey`.
    Facts are those of the file. They also contain minimum, maximum and levels (distinct grey values) of the used plane, its
    `brightness`, its share of clipped and of blank pixels, and its checksum (picture). png_minimum, png_maximum and png_levels
    describe the first angle.
    Raises UnusableTiff with the reason, or OSError if the disk cannot read the file.
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
        where = f" in the used plane of a stack of {facts['pages']} pages" if facts["pages"] > 1 else ""
        raise UnusableTiff(f"every pixel has the same value ({minimum}){where}")
    white = white_of(facts, image, maximum)
    grey, clipped = normalised(plane, white, image["normalize"])
    del facts["white"]
    facts |= {
        "minimum": minimum.item(),
        "maximum": maximum.item(),
        "levels": grey_levels(plane, maximum),
        "clipped": round(clipped, 6),
        "brightness": brightness(plane, white),
        "picture": picture_checksum(plane, minimum, maximum),
    }
    pictures = turned(grey, angles, image["size"], image["field"])
    darkest, brightest = pictures[0].min(), pictures[0].max()
    if darkest == brightest:
        raise UnusableTiff(
            f"image.normalize removes all contrast: {clipped:.0%} of its pixels saturate, as its brightest pixel is {maximum:g} and"
            f" white is {white:g}: {CHANGE_WHITE}"
        )
    levels = grey_levels(pictures[0], brightest)
    if levels < image["min_levels"] and facts["levels"] >= max(MANY_LEVELS, image["min_levels"]):
        raise UnusableTiff(
            f"only {levels} of its {facts['levels']} grey levels are left (image.min_levels is {image['min_levels']}), as its brightest"
            f" pixel is {maximum:g} and white is {white:g}: {CHANGE_WHITE}"
        )
    return pictures, facts | {"png_minimum": int(darkest), "png_maximum": int(brightest), "png_levels": levels}


def _read(source, image, frame=None):
    options = {"series": image["series"], "white": image["white"], "frame": frame}
    return read_grey(source, image["page"], image["channel"], image["max_pixels"], **options)


def brightness(plane, white):
    """Return the mean grey value on the 0-255 scale before `normalised`, so that images of different types can be compared."""
    return float(f"{255 * plane.mean(dtype=np.float64) / white:.4g}")


def picture_checksum(plane, minimum, maximum):
    """Return the SHA-256 of a picture's values and shape. Equal values of different number types give the same checksum.

    plane: 2-D array without NaN. minimum, maximum: of the plane.
    """
    kind = "<f8"
    if plane.dtype.kind != "f" or (abs(minimum) < 2**53 and abs(maximum) < 2**53 and (plane == np.rint(plane)).all()):
        kind = "<u2" if minimum >= 0 and maximum < 2**16 else "<i8"
    checksum = hashlib.sha256(f"{plane.shape}".encode())
    checksum.update(np.ascontiguousarray(plane, kind))
    return checksum.hexdigest()


def encoded_png(picture):
    """Return a uint8 array (height, width) as the bytes of a PNG."""
    return cv2.imencode(".png", picture, FAST_PNG)[1].tobytes()


def grey_levels(plane, maximum):
    """Return the number of distinct values in a 2-D array. maximum: the largest of them."""
    if plane.dtype in (np.uint8, np.uint16):  # many times faster than np.unique
        values = int(maximum) + 1
        return int(np.count_nonzero(cv2.calcHist([plane], [0], None, [values], [0, values])))
    return len(np.unique(plane))


def open_raw(path):
    """Open the file of an image for reading. Raises OSError if it cannot be read, FlystageError if it no longer exists.

    A missing file is not recorded as a property of the image, because the image would stay rejected after it is restored.
    """
    try:
        return open(path, "rb")
    except OSError as error:
        if os.path.exists(path):
            raise
        raise FlystageError(
            f"The image {path} has disappeared since the run began. Restore it if you need it, then run the same command again."
        ) from error


def checksum(file, image):
    """Return the SHA-256 of a TIF's bytes. file: open in binary mode. image: as for `prepare`.

    Raises UnusableTiff if the headers of a large file show that it is unusable, without reading the whole file.
    """
    if os.fstat(file.fileno()).st_size > LARGE:
        refuse_by_headers(file, image["max_pixels"], (LATER_SETTINGS | image)["series"])
        file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()


def before_and_after(path, image, angles, frame=None):
    """Return (raw plane, white, pictures) of one TIF for display: the plane as read, the white level of a viewer, the PNGs.

    image, angles, frame: as for `prepare`. Raises UnusableTiff.
    """
    with open_raw(path) as file:
        plane, facts = _read(file, LATER_SETTINGS | image, frame)
        return plane, facts["white"] or float(np.nanmax(plane)), prepare(file, image, angles, frame)[0]


def png_name(path, angle, frame=""):
    """Return a file name for one angle of a raw image: its safe name, a checksum of its path, its time point and the angle."""
    stem = re.sub(r"[^A-Za-z0-9._()-]", "_", Path(path).stem)[:120].lstrip(".-") or "image"
    time_point = f"-t{int(frame):05d}" if frame else ""
    return f"{stem}-{zlib.crc32(os.fsencode(path)):08x}{time_point}-{angle:03d}.png"


def prepare_bucket(rows, split, image, angles, png_folder, table):
    """Prepare the raw images of one bucket: PNGs into `png_folder`, one row per PNG or rejected TIF into the CSV `table`.

    rows: list of (path, stage, embryo, time point from 1 or ""). split: of these images. image: the configuration's section.
    angles: the angles to store, in degrees. An unusable TIF gets one row with status "rejected" and a reason.
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
    """Return the table rows of one image. checksums: {path: checksum}, so that a movie is read once instead of per time point."""
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
