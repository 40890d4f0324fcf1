#!/usr/bin/env bash
# tifffile 2026.3.3 lists the series of a file that was written page by page in quadratic time.
#
# TiffWriter.write in a loop, as in many Python programs, makes each page a series of its own. TiffFile.series then compares every
# page with every later one, because a smaller one could be a level of its pyramid (pyramidize_series). The pages here are all of one
# size, which no pyramid has. Reading the pages themselves (TiffFile.pages) costs the same per page at any number.
# The counts are calls of Python functions, so that they do not depend on the machine.
#
# Output seen:
#   pages 400 to 800: series 2.9 times the calls, pages 2.0 times
#   pages 800 to 1600: series 3.2 times the calls, pages 2.0 times
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet tifffile==2026.3.3 "numpy==2.4.*"
"$folder/venv/bin/python" - > "$folder/seen" <<'PYTHON'
import cProfile
import io
import pstats

import numpy as np
import tifffile


def calls(pages, action):
    """Return how many calls `action` makes with a file of so many pages."""
    data = io.BytesIO()
    with tifffile.TiffWriter(data) as writer:
        for _ in range(pages):
            writer.write(np.zeros((16, 16), np.uint8))
    data.seek(0)
    with tifffile.TiffFile(data) as file:
        profile = cProfile.Profile()
        profile.runcall(action, file)
    return pstats.Stats(profile).total_calls


def ratio(pages, action):
    return calls(2 * pages, action) / calls(pages, action)


for pages in (400, 800):
    series = ratio(pages, lambda file: len(file.series))
    chain = ratio(pages, lambda file: [page.dataoffsets for page in file.pages])
    print(f"pages {pages} to {2 * pages}: series {series:.1f} times the calls, pages {chain:.1f} times")
PYTHON
cat "$folder/seen"
diff - "$folder/seen" <<'SEEN'
pages 400 to 800: series 2.9 times the calls, pages 2.0 times
pages 800 to 1600: series 3.2 times the calls, pages 2.0 times
SEEN
