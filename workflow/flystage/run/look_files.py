"""Warn before a run of files that may be read wrongly or that are no pictures of embryos."""

from collections import defaultdict

from flystage.images.pictures import MAY_BE_DEPTHS
from flystage.raw.masks import may_be_labels, named_like_masks

EXAMPLES = 4


def file_warnings(images, looks, settings):
    """Return warnings, a list of sentences. images: RawImages that are used. looks: see `looked_at`. settings: `image`."""
    return [*_masks(images, looks), *_planes_called_colours(looks, settings)]


def _masks(images, looks):
    named = sorted({image.path for image in named_like_masks(images)})
    facts = {each.image.path: each.facts for each in looks if each.facts}
    seen = [path for path, of in facts.items() if may_be_labels(of["dtype"], of["levels"], of["flat"])]
    seen = sorted(set(seen) - set(named))
    for paths, why in ((named, "named like label masks"), (seen, "with few values in even areas, as in label masks")):
        if paths:
            shown = ", ".join(paths[:EXAMPLES]) + ", ..." * (len(paths) > EXAMPLES)
            yield (
                f"{len(paths)} file(s) {why}, are used as pictures ({shown})."
                " If they are masks, move them out of the raw folders."
            )


def _planes_called_colours(looks, settings):
    if settings["channel"] != "auto":
        return  # the setting says which plane is meant
    by_note = defaultdict(list)
    for each in looks:
        for note in each.facts.get("note", "").split("; "):
            if MAY_BE_DEPTHS in note:
                by_note[note].append(each.image.path)
    for note, paths in by_note.items():
        yield f"{len(paths)} of {len(looks)} images opened may be mixed from depths (for example {paths[0]}): {note}."
