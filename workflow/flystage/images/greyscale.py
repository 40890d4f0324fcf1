"""What the numbers of a page mean: colour tables, colours, white is zero, calibrations, orientation -> grey values."""

import numpy as np
import tifffile

from flystage.core.errors import UnusableTiff

LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601: the grey of an RGB picture
NEARLY = 0.02  # share of the range by which a colour table may fall and still count as rising: ImageJ's "Fire" does
TURNS = {3: 2, 6: 3, 8: 1}  # Orientation -> quarter turns counter-clockwise
MIRRORED = (2, 4, 5, 7)
PHOTOMETRIC = tifffile.PHOTOMETRIC
GREY = (PHOTOMETRIC.MINISBLACK, PHOTOMETRIC.MINISWHITE)
STRAIGHT_LINE = 0  # ImageJ's number for the calibration c0 + c1 * value
COLOURS = {PHOTOMETRIC.SEPARATED: "CMYK colours (SEPARATED)"}


def quarter_turns(keyframe):
    """How many quarter turns counter-clockwise the Orientation tag of a page asks for.

    Raises UnusableTiff where it asks for a mirror image: a mirrored embryo does not exist.
    """
    orientation = keyframe.tags.valueof(274, 1)
    if orientation in MIRRORED:
        raise UnusableTiff(
            f"its Orientation tag ({orientation}) says that it lies mirrored in the file: save it the right way round"
        )
    return TURNS.get(orientation, 0)


def to_channels(planes, keyframe, white, calibration):
    """The channels that a page shows, brighter where its numbers are higher.

    planes: array (channels, height, width) as it lies in the file. keyframe: the page that describes it. white: the value
    about which white-is-zero is turned, "auto" for what the pixels can hold. calibration: see `calibration_of`.
    A colour table that rises or falls in brightness serves display alone: the indices are the picture. So is white-is-zero
    of floats and 32-bit integers, which are measurements. Alpha is dropped.
    Returns (array (channels, height, width), the value that the file's format calls white or None, a note or "").
    Raises UnusableTiff.
    """
    photometric, files_white = keyframe.photometric, _white(keyframe)
    if photometric == PHOTOMETRIC.PALETTE:
        return _by_table(planes[0], _full_table(keyframe.colormap), files_white)
    if photometric == PHOTOMETRIC.YCBCR and keyframe.compression not in (6, 7):  # a JPEG comes out as RGB
        return planes[:1], files_white, ""
    if photometric in (PHOTOMETRIC.RGB, PHOTOMETRIC.YCBCR):
        return planes[:3], files_white, ""
    if photometric not in GREY:
        kind = COLOURS.get(photometric, f"colours of type {getattr(photometric, 'name', photometric)}")
        raise UnusableTiff(f"{kind} are not supported: save it as grey or RGB")
    alpha = sum(kind in (1, 2) for kind in keyframe.extrasamples)
    planes, note = planes[: max(1, len(planes) - alpha)], ""
    if photometric == PHOTOMETRIC.MINISWHITE:
        if files_white is None:
            note = "white-is-zero taken for display alone"
        else:
            top = files_white if white == "auto" else int(min(white, files_white))
            planes = (top - np.minimum(planes, top).astype(np.int32)).astype(
                np.int32 if planes.dtype.kind == "i" else planes.dtype
            )
    if calibration and files_white is not None:
        offset, step = calibration
        files_white = max(offset, offset + step * files_white)
        exact = step == 1 and offset == int(offset)
        planes = (
            planes.astype(np.int32) + int(offset)
            if exact
            else np.float32(offset) + np.float32(step) * planes.astype(np.float32)
        )
        note = f"ImageJ's calibration applied: {offset:g} + {step:g} x value"
    return planes, files_white, note


def calibration_of(tif):
    """(offset, step) of the straight line with which ImageJ calibrated the grey values of a file; None if it did not.

    So it stores signed 16-bit values: with an offset of 32,768.
    """
    notes = tif.imagej_metadata if tif.is_imagej else None
    if not notes or notes.get("cf") != STRAIGHT_LINE:
        return None
    line = notes.get("c0"), notes.get("c1")
    usable = all(isinstance(number, int | float) and np.isfinite(number) for number in line) and line[1]
    return line if usable and line != (0, 1) else None


def _white(keyframe):
    bits, kind = keyframe.bitspersample, keyframe.dtype.kind
    if kind in "bui" and isinstance(bits, int) and bits <= 16:
        return 2 ** (bits - (kind == "i")) - 1
    return None


def _full_table(table):
    """A colour table (3, entries) in 16 bits, whose entries old writers wrote in 8."""
    return table * np.uint16(257) if table.max() < 256 else table


def _by_table(indices, table, highest):
    brightness = LUMA @ table.astype(np.float32)
    for sign in (1, -1):
        # Tables for setting the exposure mark the lowest and the highest value in colours of their own.
        for part in (brightness, brightness[1:-1]):
            rising = sign * part
            if len(part) and (np.maximum.accumulate(rising) - rising).max() <= NEARLY * max(np.ptp(part), 1):
                return (indices if sign == 1 else (highest - indices).astype(indices.dtype))[np.newaxis], highest, ""
    return table[:, indices], 65535, "its colour table is in no order of brightness: read as the luma of its colours"


def to_grey(planes, photometric, channel):
    """One grey plane (height, width) of channels (channels, height, width).

    photometric: of the page. channel: "auto" (the luma of RGB, the first of anything else), "max" or a number from 1.
    Raises UnusableTiff when there is no such channel.
    """
    if len(planes) == 1:
        if isinstance(channel, int) and channel > 1:
            raise UnusableTiff(f"has 1 channel, image.channel asks for number {channel}")
        return planes[0]
    if isinstance(channel, int):
        if channel > len(planes):
            raise UnusableTiff(f"has {len(planes)} channels, image.channel asks for number {channel}")
        return planes[channel - 1]
    if channel == "max":
        return planes.max(axis=0)
    if photometric in GREY:
        return planes[0]
    if (planes == planes[0]).all():
        return planes[0]  # a grey picture stored as RGB: nothing to mix, nothing to round
    return np.tensordot(LUMA, planes.astype(np.float32), axes=1)
