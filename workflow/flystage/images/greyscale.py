"""Convert the numbers of a page into grey values: colour tables, colours, white-is-zero, calibrations, orientation."""

import numpy as np
import tifffile

from flystage.core.errors import UnusableTiff

LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601: the grey of an RGB picture
NEARLY = 0.02  # share of the range by which a rising colour table may fall, as ImageJ's "Fire" does
TURNS = {3: 2, 6: 3, 8: 1}  # Orientation -> quarter turns counter-clockwise
MIRRORED = (2, 4, 5, 7)
PHOTOMETRIC = tifffile.PHOTOMETRIC
GREY = (PHOTOMETRIC.MINISBLACK, PHOTOMETRIC.MINISWHITE)
STRAIGHT_LINE = 0  # ImageJ's number for the calibration c0 + c1 * value
COLOURS = {PHOTOMETRIC.SEPARATED: "CMYK colours (SEPARATED)"}


def quarter_turns(keyframe):
    """Return the number of counter-clockwise quarter turns that the Orientation tag of a page requests.

    Raises UnusableTiff if it requests a mirror image, because a mirrored embryo does not exist.
    """
    orientation = keyframe.tags.valueof(274, 1)
    if orientation in MIRRORED:
        raise UnusableTiff(f"its Orientation tag ({orientation}) says that it is mirrored: save it without mirroring")
    return TURNS.get(orientation, 0)


def to_channels(planes, keyframe, white, calibration, of_axis=None, tables=()):
    """Return the channels of a page, with higher numbers for brighter pixels.

    planes: array (channels, height, width) as stored in the file. keyframe: the page that describes it. white: the value
    from which white-is-zero is subtracted, or "auto" for the maximum of the pixel type. calibration: see `calibration_of`.
    of_axis: number of the page along a channel axis of the file, or None. Such pages are never colours of one picture. Their
    colour table is that of the channel that was on the screen. tables: those of each channel, if the file has them.
    A colour table that rises or falls in brightness is for display only, so the indices are the picture. White-is-zero of
    floats and 32-bit integers, which are measurements, is also for display only. Alpha is dropped.
    Returns (array (channels, height, width), whether they are red, green and blue, white level of the file's format or None,
    a note or ""). Raises UnusableTiff.
    """
    photometric, files_white = keyframe.photometric, _white(keyframe)
    if of_axis is not None and photometric == PHOTOMETRIC.PALETTE:
        table = tables[of_axis] if of_axis < len(tables) else None
        falls = table is not None and _direction(LUMA @ np.asarray(table, np.float32)) == -1
        return (files_white - planes if falls else planes).astype(planes.dtype), False, files_white, ""
    if photometric == PHOTOMETRIC.PALETTE:
        return _by_table(planes[0], _full_table(keyframe.colormap), files_white)
    if photometric == PHOTOMETRIC.YCBCR and keyframe.compression not in (6, 7):  # JPEGs are decoded to RGB
        return planes[:1], False, files_white, ""
    if photometric in (PHOTOMETRIC.RGB, PHOTOMETRIC.YCBCR):
        return planes[:3], len(planes) >= 3, files_white, ""
    if photometric not in GREY:
        kind = COLOURS.get(photometric, f"colours of type {getattr(photometric, 'name', photometric)}")
        raise UnusableTiff(f"{kind} are not supported: save it as grey or RGB")
    alpha = sum(kind in (1, 2) for kind in keyframe.extrasamples)
    planes, note = planes[: max(1, len(planes) - alpha)], ""
    if photometric == PHOTOMETRIC.MINISWHITE:
        if files_white is None:
            note = "white-is-zero is for display only and was ignored"
        else:
            top = files_white if white == "auto" else int(min(white, files_white))
            planes = (top - np.minimum(planes, top).astype(np.int32)).astype(
                np.int32 if planes.dtype.kind == "i" else planes.dtype
            )
    if calibration and planes.dtype == np.uint16 and files_white == 65535:
        offset, step = calibration
        files_white = max(offset, offset + step * files_white)
        exact = step == 1 and offset == int(offset)
        planes = (
            planes.astype(np.int32) + int(offset)
            if exact
            else np.float32(offset) + np.float32(step) * planes.astype(np.float32)
        )
        note = f"ImageJ's calibration applied: {offset:g} + {step:g} x value"
    return planes, False, files_white, note


def calibration_of(tif):
    """Return (offset, step) of ImageJ's rising linear calibration of grey values in a file, or None without one.

    ImageJ stores signed 16-bit values in this way, with an offset of -32,768. It shows the stored values of a falling one, and other
    programs copy the notes to 8 bits, so these are ignored.
    """
    notes = tif.imagej_metadata if tif.is_imagej else None
    if not notes or notes.get("cf") != STRAIGHT_LINE:
        return None
    line = notes.get("c0"), notes.get("c1")
    usable = all(isinstance(number, int | float) and np.isfinite(number) for number in line) and line[1] > 0
    return line if usable and line != (0, 1) else None


def _white(keyframe):
    bits, kind = keyframe.bitspersample, keyframe.dtype.kind
    if kind in "bui" and isinstance(bits, int) and bits <= 16:
        return 2 ** (bits - (kind == "i")) - 1
    return None


def _full_table(table):
    """Return a colour table (3, entries) in 16 bits. Some old programs wrote its entries in 8 bits."""
    return table * np.uint16(257) if table.max() < 256 else table


def _by_table(indices, table, highest):
    direction = _direction(LUMA @ table.astype(np.float32))
    if direction:
        picture = indices if direction == 1 else (highest - indices).astype(indices.dtype)
        return picture[np.newaxis], False, highest, ""
    return (
        table[:, indices],
        True,
        65535,
        "its colour table is not in order of brightness: read as the luma of its colours",
    )


def _direction(brightness):
    """Return 1 if the brightness of a colour table rises, -1 if it falls, and 0 if it does neither."""
    for sign in (1, -1):
        # Tables for setting the exposure mark the lowest and highest value in special colours.
        for part in (brightness, brightness[1:-1]):
            rising = sign * part
            if len(part) and (np.maximum.accumulate(rising) - rising).max() <= NEARLY * max(np.ptp(part), 1):
                return sign
    return 0


def to_grey(planes, colours, channel):
    """Return one grey plane (height, width) of channels (channels, height, width).

    colours: number of channels, from the first, that are the colours of one picture, or 1. channel: "auto" (the luma of three
    colours, the first channel of anything else), "max" or a number from 1. Raises UnusableTiff if the channel does not exist.
    """
    if isinstance(channel, int):
        if channel > len(planes):
            have = f"{len(planes)} channel{'s' * (len(planes) > 1)}"
            raise UnusableTiff(f"has {have}, but image.channel is {channel}")
        return planes[channel - 1]
    if channel == "max":
        return planes.max(axis=0)
    if colours != 3 or (planes[:3] == planes[0]).all():
        return planes[0]  # a grey picture stored as RGB is returned without rounding
    return np.tensordot(LUMA, planes[:3].astype(np.float32), axes=1)
