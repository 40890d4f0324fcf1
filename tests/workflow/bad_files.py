"""Make unusable and odd files for a raw folder, each with the status and reason that the catalog must give."""

import io
import os
import struct
import time
import zipfile
import zlib
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import tifffile

RANDOM = np.random.default_rng(1)
STAGE, OTHER_STAGE, STAGE_NOT_SELECTED = "051", "087", "054"
EMBRYO, OTHER_EMBRYO = "20230811-Cycle00-embryo01", "20230811-Cycle00-embryo02"
DISPLACED = b"\x8d\xff\xfe\x7a"  # bytes that damage a picture


class Kind(NamedTuple):
    """One kind of file. `reason` is a part of the reason that the catalog must give. Used files do not have one.

    `make(folder, stem)` writes the file into the folder of a stage and returns its path. `unlabelled` is the status at
    prediction if it differs, because prediction has no stages, embryos or duplicates.
    """

    make: Callable
    status: str
    reason: str = ""
    unlabelled: str | None = None


def picture():
    """Return random 16-bit grey values (48 rows, 64 columns), different at each call."""
    return RANDOM.integers(0, 9000, (48, 64)).astype(np.uint16)


def picture8():
    """Return the same with 8 bits, dark enough not to saturate."""
    return (picture() // 220).astype(np.uint8)


def with_value(value):
    floats = picture().astype(np.float32)
    floats[5, 7] = value
    return floats


def tif(pixels, **options):
    """Return the bytes of a TIF as tifffile writes it: header, page, then the picture."""
    file = io.BytesIO()
    tifffile.imwrite(file, pixels, **options)
    return file.getvalue()


def picture_first():
    """Return the bytes of a TIF as libtiff writes it: header, picture, and the page at the end."""
    return cv2.imencode(".tif", picture(), [cv2.IMWRITE_TIFF_COMPRESSION, 1])[1].tobytes()


def stack_of_single_pages():
    """Return the bytes of a stack in which every page directly precedes its picture."""
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        for _ in range(3):
            writer.write(picture(), photometric="minisblack", metadata=None, contiguous=False)
    return file.getvalue()


def before_last_page(data):
    """Return the bytes of a stack up to the first bytes of its last page."""
    with tifffile.TiffFile(io.BytesIO(data)) as opened:
        return data[: opened.pages[-1].offset + 10]


def first_page(data):
    with tifffile.TiffFile(io.BytesIO(data)) as opened:
        return opened.pages.first


def replaced(data, place, content):
    return data[:place] + content + data[place + len(content) :]


def patched(data, tag, value):
    """Replace one value of the first page by a 32-bit number."""
    return replaced(data, first_page(data).tags[tag].offset + 2, struct.pack("<HII", 4, 1, value))


def code_lost(data, tag):
    """Replace the code of a tag of the first page by an unknown one."""
    return replaced(data, first_page(data).tags[tag].offset, b"\xff\xff")


def count_damaged(data, tag):
    """Make a tag of the first page claim two thousand million values."""
    return replaced(data, first_page(data).tags[tag].offset + 4, b"\xff\xff\xff\x7f")


def picture_damaged(data):
    """Change some bytes in the middle of the (compressed) picture."""
    page = first_page(data)
    return replaced(data, page.dataoffsets[0] + page.databytecounts[0] // 2, DISPLACED)


def strip_of(data, strip):
    """Replace the only strip of the first page by other bytes and leave the page itself unchanged."""
    return patched(patched(data, "StripOffsets", len(data)), "StripByteCounts", len(strip)) + strip


def linked(data, where):
    """Set the first page's link to the next page to a place in the file."""
    page = first_page(data)
    return replaced(data, page.offset + 2 + 12 * len(page.tags), struct.pack("<I", where))


def jpeg_of_another_size(data, height, width):
    """Make the JPEG within a TIF claim another size than the TIF."""
    return replaced(data, data.index(b"\xff\xc0") + 5, struct.pack(">HH", height, width))


def deflated_zeros(number):
    deflate, parts = zlib.compressobj(1), []
    for start in range(0, number, 2**20):
        parts.append(deflate.compress(bytes(min(2**20, number - start))))
    return b"".join([*parts, deflate.flush()])


def black_png(side, rows):
    """Return the bytes of a black PNG of `side` times `side` pixels from its deflated rows."""
    size = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    parts = [b"\x89PNG\r\n\x1a\n"]
    for name, body in ((b"IHDR", size), (b"IDAT", rows), (b"IEND", b"")):
        parts.append(struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)))
    return b"".join(parts)


def zipped():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.tif", tif(picture()))
    return file.getvalue()


def content(data):
    """Return a maker of a file with these bytes."""

    def make(folder, stem):
        path = folder / f"{stem}.tif"
        path.write_bytes(data)
        return path

    return make


def named(pattern):
    """Return a maker of a good file with an odd name. STEM in the pattern stands for stage and embryo."""
    data = tif(picture())

    def make(folder, stem):
        path = os.path.join(os.fsencode(folder), os.fsencode(pattern).replace(b"STEM", stem.encode()))
        with open(path, "wb") as file:
            file.write(data)
        return Path(os.fsdecode(path))

    return make


def of_250_letters(folder, stem):
    return named(f"STEM{'x' * (250 - len(f'{stem}.tif'))}.tif")(folder, stem)


def in_an_odd_folder(name):
    def make(folder, stem):
        (folder / name).mkdir()
        return content(tif(picture()))(folder / name, stem)

    return make


def twice(second_stage=STAGE, second_embryo=EMBRYO):
    """Return a maker of two files with the same bytes. The maker returns the second one, which has the longer path."""
    data = tif(picture())

    def make(folder, stem):
        content(data)(folder, stem)
        other = stem.replace(STAGE, second_stage).replace(EMBRYO, second_embryo)
        return content(data)(folder.parent / second_stage, f"{other} twin")

    return make


def not_selected(folder, stem):
    return content(tif(picture()))(folder, stem.replace(STAGE, STAGE_NOT_SELECTED))


def without_stage(folder, stem):
    return content(tif(picture()))(folder.parent, stem.split(")-")[1])


def link_to(target):
    def make(folder, stem):
        path = folder / f"{stem}.tif"
        path.symlink_to(target or path.name)
        return path

    return make


def link_to_a_good_file(folder, stem):
    good = folder.parents[1] / "elsewhere.tif"
    good.write_bytes(tif(picture()))
    path = folder / f"{stem}.tif"
    path.symlink_to(good)
    return path


def pipe(folder, stem):
    path = folder / f"{stem}.tif"
    os.mkfifo(path)
    return path


def closed(folder, stem):
    path = content(tif(picture()))(folder, stem)
    path.chmod(0)
    return path


GREY = tif(picture(), metadata=None)
DEFLATED = tif(picture(), compression="deflate")
STACK = tif(np.stack([picture(), picture(), picture()]), photometric="minisblack", metadata=None)
SIDE = 20_000
MANY_ZEROS = deflated_zeros(SIDE * (SIDE + 1))  # 400 MB
PALETTE = np.tile(np.arange(256, dtype=np.uint16) * 257, (3, 1))

KINDS = {
    # cut off
    "empty": Kind(content(b""), "rejected", "empty file"),
    "cut in the header": Kind(content(GREY[:5]), "rejected", "damaged"),
    "cut behind the header": Kind(content(GREY[:8]), "rejected", "damaged"),
    "cut in the page": Kind(content(GREY[:60]), "rejected", "not a TIF"),
    "cut in the picture": Kind(content(GREY[:-2000]), "rejected", "truncated"),
    "cut by one byte": Kind(content(GREY[:-1]), "rejected", "truncated"),
    "deflated, cut by one byte": Kind(content(DEFLATED[:-1]), "rejected", "truncated"),
    "cut before the page at its end": Kind(content(picture_first()[:6150]), "rejected", "damaged"),
    "cut in the page at its end": Kind(content(picture_first()[:-40]), "rejected", "not a TIF"),
    "stack cut before its second page": Kind(content(STACK[:-3000]), "rejected", "truncated"),
    "stack cut in its last page": Kind(content(before_last_page(stack_of_single_pages())), "rejected", "not a TIF"),
    "OME stack that lacks pages": Kind(
        content(
            tif(np.stack([picture()] * 4), ome=True, photometric="minisblack").replace(b'SizeZ="1"', b'SizeZ="9"')
        ),
        "rejected",
        "never written",
    ),
    "ImageJ stack that lacks pages": Kind(
        content(tif(picture(), description="ImageJ=1.11a\nimages=5\nslices=5\n", metadata=None) + bytes(5 * 6144)),
        "rejected",
        "a stack of 5 pages",
    ),
    # damaged
    "wrong magic number": Kind(content(b"XX" + GREY[2:]), "rejected", "not a TIF"),
    "no width": Kind(content(code_lost(GREY, "ImageWidth")), "rejected", "too small"),
    "no strip offsets": Kind(content(code_lost(GREY, "StripOffsets")), "rejected", "never written"),
    "damaged width": Kind(content(count_damaged(GREY, "ImageWidth")), "rejected", "too small"),
    "damaged depth": Kind(content(count_damaged(GREY, "BitsPerSample")), "rejected", "damaged"),
    "damaged count of strips": Kind(content(count_damaged(GREY, "StripOffsets")), "rejected", "never written"),
    "damaged deflate": Kind(content(picture_damaged(DEFLATED)), "rejected", "damaged"),
    "damaged LZW": Kind(content(picture_damaged(tif(picture(), compression="lzw"))), "rejected", "damaged"),
    "pages in a circle": Kind(content(linked(GREY, first_page(GREY).offset)), "rejected", "itself"),
    "next page beyond the end": Kind(content(linked(GREY, 10**9)), "rejected", "truncated"),
    "next page within the picture": Kind(content(linked(GREY, len(GREY) - 999)), "rejected", "not a TIF"),
    "strips never written": Kind(
        content(patched(tif(picture(), rowsperstrip=8), "ImageLength", 96)), "rejected", "never written"
    ),
    "strip without bytes": Kind(content(patched(GREY, "StripByteCounts", 0)), "rejected", "truncated"),
    "no columns": Kind(content(patched(GREY, "ImageWidth", 0)), "rejected", "too small"),
    "no rows": Kind(content(patched(GREY, "ImageLength", 0)), "rejected", "too small"),
    # too large for the memory
    "two thousand million columns": Kind(
        content(patched(DEFLATED, "ImageWidth", 2_000_000_000)), "rejected", "too large"
    ),
    "40,000 times 40,000 pixels": Kind(
        content(patched(patched(DEFLATED, "ImageWidth", 40_000), "ImageLength", 40_000)), "rejected", "too large"
    ),
    "60,000 channels": Kind(
        content(
            patched(patched(tif(np.dstack([picture8()] * 3), photometric="rgb"), "SamplesPerPixel", 60_000), "ImageLength", 4000)
        ),
        "rejected",
        "too large",
    ),
    "400 MB in a deflated strip": Kind(content(strip_of(DEFLATED, MANY_ZEROS)), "rejected", "damaged"),
    "400 MB in a PNG strip": Kind(
        content(strip_of(tif(picture8(), compression="png"), black_png(SIDE, MANY_ZEROS))), "rejected", "compression"
    ),
    "400 MB in a JPEG strip": Kind(
        content(jpeg_of_another_size(tif(picture8(), compression="jpeg"), SIDE, SIDE)), "rejected", "JPEG"
    ),
    # something else
    "text": Kind(content(b"Stage;Embryo\n51;1\n" * 50), "rejected", "not a TIF"),
    "web page": Kind(content(b"<!doctype html><title>Sign in</title>" * 20), "rejected", "not a TIF"),
    "PNG": Kind(content(cv2.imencode(".png", picture8())[1].tobytes()), "rejected", "not a TIF"),
    "JPEG": Kind(content(cv2.imencode(".jpg", picture8())[1].tobytes()), "rejected", "not a TIF"),
    "zip": Kind(content(zipped()), "rejected", "not a TIF"),
    "zeros": Kind(content(bytes(5000)), "rejected", "not a TIF"),
    # nothing to see
    "all black": Kind(content(tif(np.zeros((48, 64), np.uint16))), "rejected", "same value (0)"),
    "all white": Kind(content(tif(np.full((48, 64), 65535, np.uint16))), "rejected", "same value (65535)"),
    "all of one value": Kind(content(tif(np.full((48, 64), 7, np.uint8))), "rejected", "same value (7)"),
    "saturated throughout": Kind(
        content(tif(picture() + 50_000)), "rejected", "image.normalize"
    ),
    "NaN in one pixel": Kind(content(tif(with_value(np.nan))), "rejected", "NaN"),
    "infinity in one pixel": Kind(content(tif(with_value(np.inf))), "rejected", "infinity"),
    "NaN in every pixel": Kind(content(tif(np.full((48, 64), np.nan, np.float32))), "rejected", "NaN"),
    "values beyond every white": Kind(content(tif(picture() * 1e9)), "rejected", "image.white"),
    "one pixel": Kind(content(tif(np.ones((1, 1), np.uint8))), "rejected", "too small"),
    "three rows": Kind(content(tif(picture()[:3])), "rejected", "too small"),
    # not supported
    "complex numbers": Kind(content(tif(picture().astype(np.complex64))), "rejected", "complex64"),
    "CMYK": Kind(
        content(tif(np.dstack([picture8()] * 4), photometric="separated")), "rejected", "SEPARATED"
    ),
    "unknown compression": Kind(content(patched(GREY, "Compression", 65_123)), "rejected", "not supported"),
    "compression that nothing reads": Kind(content(patched(GREY, "Compression", 32_766)), "rejected", "not supported"),
    # not regular files
    "link that leads nowhere": Kind(link_to("nowhere.tif"), "rejected", "link"),
    "link to itself": Kind(link_to(None), "rejected", "link"),
    "pipe": Kind(pipe, "rejected", "not a file"),
    "no read permission": Kind(closed, "rejected", "no permission"),
    # not wanted
    "stage not selected": Kind(not_selected, "excluded", "stage 054", "used"),
    "no stage": Kind(without_stage, "rejected", "no stage", "used"),
    "same bytes twice": Kind(twice(), "rejected", "same bytes", "used"),
    "same bytes in two stages": Kind(twice(second_stage=OTHER_STAGE), "rejected", "another stage", "used"),
    "same bytes of two embryos": Kind(
        twice(second_embryo=OTHER_EMBRYO), "rejected", f"embryo {EMBRYO}", "used"
    ),
    # names
    "space in its name": Kind(named("STEM a copy .tif"), "used"),
    "quote in its name": Kind(named("STEM it's.tif"), "used"),
    "double quotes in its name": Kind(named('STEM "x".tif'), "used"),
    "line break in its name": Kind(named("STEM\n.tif"), "rejected", "line break", "used"),
    "tab in its name": Kind(named("STEM\t.tif"), "rejected", "line break", "used"),
    "escape character in its name": Kind(named("STEM\x1b[31m.tif"), "rejected", "line break", "used"),
    "accents in its name": Kind(named("STEM-früh-蠅.tif"), "used"),
    "emoji in its name": Kind(named("STEM 🪰.tif"), "used"),
    "name that is not UTF-8": Kind(named(os.fsdecode(b"STEM-caf\xe9.tif")), "rejected", "UTF-8", "used"),
    "dash first": Kind(named("-STEM.tif"), "used"),
    "name of 250 letters": Kind(of_250_letters, "used"),
    "braces in its name": Kind(named("STEM {split}.tif"), "rejected", "wildcard", "used"),
    "pathvar in its name": Kind(named("STEM <results>.tif"), "used"),
    "angle brackets in its name": Kind(named("STEM <b>.tif"), "used"),
    "asterisk in its name": Kind(named("STEM *.tif"), "used"),
    "question mark in its name": Kind(named("STEM?.tif"), "used"),
    "square brackets in its name": Kind(named("STEM[0-9].tif"), "used"),
    "shell in its name": Kind(named("STEM $(touch broken) `touch broken`; touch broken & | x.tif"), "used"),
    "backslash in its name": Kind(named(r"STEM\n.tif"), "used"),
    "percent in its name": Kind(named("STEM 100%s.tif"), "used"),
    "comma in its name": Kind(named("STEM,a;b.tif"), "used"),
    "formula as its name": Kind(named("=STEM+1.tif"), "used"),
    "ending .TIFF": Kind(named("STEM.TIFF"), "used"),
    "ending .Tif": Kind(named("STEM.Tif"), "used"),
    "in a folder named as a TIF": Kind(in_an_odd_folder("x.tif"), "used"),
    "in a folder with blanks and accents": Kind(in_an_odd_folder(" é, x "), "used"),
    "link to a good file": Kind(link_to_a_good_file, "used"),
    # good ones
    "8 bit": Kind(content(tif(picture8())), "used"),
    "1 bit": Kind(content(tif(picture() > 5000, photometric="minisblack")), "used"),
    "32-bit integers": Kind(content(tif(picture().astype(np.uint32))), "used"),
    "floats up to 1": Kind(content(tif((picture() / 65535).astype(np.float32))), "used"),
    "floats up to 65535": Kind(content(tif(picture().astype(np.float64))), "used"),
    "RGB": Kind(content(tif(np.dstack([picture8(), picture8(), picture8()]), photometric="rgb")), "used"),
    "palette": Kind(content(tif(picture8(), photometric="palette", colormap=PALETTE)), "used"),
    "white is zero": Kind(content(tif(65535 - picture(), photometric="miniswhite")), "used"),
    "BigTIFF": Kind(content(tif(picture(), bigtiff=True)), "used"),
    "big-endian": Kind(content(tif(picture(), byteorder=">")), "used"),
    "stack": Kind(content(STACK), "used"),
    "stack of separate pages": Kind(content(stack_of_single_pages()), "used"),
    "LZW": Kind(content(tif(picture(), compression="lzw", predictor=True)), "used"),
    "deflate": Kind(content(DEFLATED), "used"),
    "ZSTD": Kind(content(tif(picture(), compression="zstd")), "used"),
    "JPEG within a TIF": Kind(content(tif(picture8(), compression="jpeg")), "used"),
    "tiles": Kind(content(tif(picture(), tile=(16, 16))), "used"),
    "bytes after its end": Kind(content(tif(picture()) + b"appended"), "used"),
    "page at its end": Kind(content(picture_first()), "used"),
}  # fmt: skip


def make_all(raw):
    """Make every kind of file below the folder `raw`, in the folder of its stage. Return {kind: path}."""
    for stage in (STAGE, OTHER_STAGE):
        (raw / stage).mkdir(parents=True, exist_ok=True)
    paths = {
        name: kind.make(raw / STAGE, f"Stage({STAGE})-{EMBRYO}-{number}")
        for (name, kind), number in zip(KINDS.items(), count(101))
    }
    os.utime(
        paths["angle brackets in its name"], (time.time() + 86_400,) * 2
    )  # a date in the future must not change anything
    return paths
