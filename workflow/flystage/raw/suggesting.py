"""Suggest a name_pattern for unknown folders from file names only, and say what the suggestion is based on."""

import os
import re
from collections import Counter

from flystage.raw.finding import find_tifs
from flystage.raw.planes_in_names import channel_in, depth_in

# Usual ways to write an embryo and a stage in a name, as (regular expression, description), the most specific first.
EMBRYOS = (
    (r"\d{6,8}[-_]\w+[-_]embryo\d+", "a date, a run and “embryo” with a number"),
    (r"(?:embryo|emb|larva|fish|animal|sample)[-_ ]?\d+", "“embryo”, “fish”, “sample” or the like with a number"),
    (
        r"(?:movie|mov|position|pos|series|well|xy)[-_ ]?[A-Za-z]*\d+",
        "“movie”, “position”, “series” or the like with a number",
    ),
    (r"E\d+", "“E” with a number"),
    (r"s\d+", "“s” with a number"),
    (r"[A-H]\d{1,2}", "the name of a well"),
)
STAGES = (
    (r"Stage\((?P<stage>[^)]+)\)", "“Stage(...)”"),
    (r"stage[-_ ]?(?P<stage>\d+\w?)", "“stage” with a number"),
    (r"(?P<stage>\d+(?:[.,]\d+)?(?:hpf|dpf|min|h))", "a number with a unit of time"),
    (r"(?<![a-zA-Z])t(?:ime)?[-_]?(?P<stage>\d+)", "“t” with a number"),
    (r"(?<![a-zA-Z])img_(?P<stage>\d{9})(?=_)", "the time of Micro-Manager"),
)
# Micro-Manager can leave out axes whose number is zero.
WITHOUT_ZEROS = re.compile(r"img(?:_(?:channel|position|time|z)\d+)*\.tiff?", re.IGNORECASE)
ALONE = r"(?<![A-Za-z0-9])"  # not within a word


def suggested_pattern(folders):
    """Return (name_pattern or None, [sentences that explain it]) for raw folders. Raises FlystageError as `find_tifs` does."""
    relatives = [relative.replace(os.sep, "/") for _, relative in find_tifs(folders)]
    names = [os.path.basename(relative) for relative in relatives]
    said = [
        f"Guessed from {len(names)} names, for example {', '.join(map(repr, sorted(names)[:: max(1, len(names) // 3)][:3]))}."
    ]
    parents = Counter(os.path.basename(os.path.dirname(relative)) for relative in relatives)
    said += _planes(names)
    stage = _first(STAGES, names, _is_stage)
    if stage:
        said.append(f"Stage: {stage[1]} in the file name.")
    elif "" not in parents and len(parents) > 1:
        said.append(
            f"Stage: the folder's name ({', '.join(sorted(parents)[:4])}{', ...' if len(parents) > 4 else ''})."
        )
    else:
        said.append(
            "Stage: nothing in the names looks like a stage. Sort the images into one folder per stage, or use a table (labels)."
        )
    in_folders = False
    embryo = _first(EMBRYOS, names, lambda found: _is_embryo(found, len(names)))
    if embryo is None:
        embryo = _first(
            EMBRYOS,
            [f"{os.path.dirname(relative)}/" for relative in relatives],
            lambda found: _is_embryo(found, len(names)),
        )
        in_folders = embryo is not None
    if embryo is None and all(map(WITHOUT_ZEROS.fullmatch, names)):
        said.append(
            "Embryo: Micro-Manager left out positions and times that are zero, so a pattern cannot find them. Rename the files, for"
            " example img.tif to img_position000_time000000000.tif, or name embryos and stages in a table (labels)."
        )
        return None, said
    if embryo is None:
        said.append(
            "Embryo: nothing in names or folders looks like an embryo. Do not train without it, because images of one embryo would go"
            " into several splits. Write the group (?P<embryo>...) yourself, or name embryos in a table (labels)."
        )
        return None, said
    said.append(f"Embryo: {embryo[1]} in the {'folder' if in_folders else 'file'} name, {embryo[2]} different ones.")
    group = f"(?P<embryo>{embryo[0]})"
    if in_folders:
        pattern = f"{ALONE}{group}[^/]*/"
        if stage:
            pattern += f"(?:.*/)?[^/]*?{stage[0]}"
        return f"(?i){pattern}", said
    if not stage:
        return f"(?i){ALONE}{group}", said
    stage_first = all(
        re.search(stage[0], name, re.IGNORECASE).start() < re.search(ALONE + embryo[0], name, re.IGNORECASE).start()
        for name in names
    )
    parts = [stage[0], f"{ALONE}{group}"] if stage_first else [f"{ALONE}{group}", stage[0]]
    return f"(?i){parts[0]}.*?{parts[1]}", said


def _planes(names):
    """Return sentences on names with the channel or the depth of a plane, as every file counts as an image."""
    found = []
    for kind, value_in, advice in (
        ("Channel", channel_in, "Keep the files of one channel, because a network would learn the channel."),
        ("Depth", depth_in, "They are images of one embryo. Keep a few in the middle if many show nothing."),
    ):
        values = set(map(value_in, names)) - {""}
        if len(values) > 1:
            listed = ", ".join(sorted(values)[:4]) + ", ..." * (len(values) > 4)
            found.append(f"{kind}: the names hold {listed}, and every file counts as an image. {advice}")
    return found


def _first(choices, names, fits):
    """Return (regular expression, description, number of different matches) of the first choice that fits all names, or None."""
    for expression, words in choices:
        anchored = expression if "(?P<stage>" in expression else ALONE + expression
        matches = [re.search(anchored, name, re.IGNORECASE) for name in names]
        if all(matches):
            found = Counter((match.groupdict().get("stage") or match.group()).casefold() for match in matches)
            if fits(found):
                return expression, words, len(found)
    return None


def _is_stage(found):
    return len(found) > 1


def _is_embryo(found, images):
    return len(found) > 2 and images / len(found) >= 2
