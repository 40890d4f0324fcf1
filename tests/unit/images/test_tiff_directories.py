"""Test where the chain of a TIF's pages ends."""

import io
import itertools
import struct

import numpy as np
import pytest
import tifffile

from flystage.images.reading import read_grey
from refusals import reason

PAGES = np.random.default_rng(8).integers(0, 60_000, (3, 40, 48)).astype(np.uint16)


@pytest.mark.parametrize(
    ("compression", "big", "order", "pages"), list(itertools.product((None, "lzw"), (False, True), "<>", (1, 3)))
)
def test_a_link_to_the_end_of_the_file_ends_the_chain(compression, big, order, pages):
    file = io.BytesIO()
    with tifffile.TiffWriter(file, bigtiff=big, byteorder=order) as writer:
        for page in PAGES[:pages]:
            writer.write(page, metadata=None, compression=compression, contiguous=False)
    data = file.getvalue()
    with tifffile.TiffFile(io.BytesIO(data)) as opened:
        last = opened.pages[-1].offset
    count, size, link = ("Q", 20, "Q") if big else ("H", 12, "I")
    place = last + struct.calcsize(count) + size * struct.unpack_from(order + count, data, last)[0]
    assert data[place : place + struct.calcsize(link)] == bytes(struct.calcsize(link))

    def linked(target):
        return data[:place] + struct.pack(order + link, target) + data[place + struct.calcsize(link) :]

    plane, facts = read_grey(linked(len(data)), page="last")
    np.testing.assert_array_equal(plane, PAGES[pages - 1])
    assert facts["pages"] == pages
    for beyond in (len(data) + 1, 2 * len(data)):
        assert "truncated" in reason(linked(beyond))
