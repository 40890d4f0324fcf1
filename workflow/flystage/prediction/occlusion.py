"""Make occlusion maps: how much the probability of the suggestion falls when a part of the picture is covered."""

from functools import partial
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from flystage.images.pngs import decoded_png, filled_box, read_png
from flystage.network.averaging import averaged
from flystage.network.checkpoint import backbone_of, head_of
from flystage.network.embedders import embedder, kind_of_embedder
from flystage.network.features import embedded

ACROSS = 9  # covers along the longer side of the embryo
OF_EACH = 2  # images of each group
GROUPS = ("right", "wrong", "surest of what is wrong")


def examples_to_look_at(predictions):
    """Choose a few correct images, a few wrong ones, and the most confident of the wrong.

    Returns {row in the table: group of GROUPS}. The correct and the wrong images are spread evenly over the table.
    predictions: table of the evaluation.
    """
    sure = predictions.filter(regex="^p_").max(axis=1)
    right = predictions.index[predictions["predicted"] == predictions["stage"]]
    wrong = predictions.index[predictions["predicted"] != predictions["stage"]]
    surest = sure[wrong].sort_values(ascending=False, kind="stable").index[:OF_EACH]
    few = {"right": right, "wrong": wrong.difference(surest, sort=False)}
    chosen = {}
    for group, places in few.items():
        count = min(OF_EACH, len(places))
        picked = ((np.arange(count) + 0.5) * len(places) / max(count, 1)).astype(int)
        chosen |= {int(places[place]): group for place in picked}
    return chosen | {int(place): GROUPS[2] for place in surest}


def occlusion(checkpoint, predictions, pngs, cache_folder, threads):
    """Return occlusion maps of a few pictures as plain values: {"images": [results of `covered`]}.

    checkpoint: the dict from `load_checkpoint`. predictions: table of the evaluation. pngs: one path per row of it.
    cache_folder, threads: see `feature_vectors`.
    """
    chosen = examples_to_look_at(predictions)
    rows = predictions.loc[list(chosen), ["source", "stage", "predicted", "embryo"]].to_dict("records")
    asked = [(pngs[place], row["predicted"]) for place, row in zip(chosen, rows, strict=True)]
    found = covered(checkpoint, asked, cache_folder, threads)
    groups = chosen.values()
    return {"images": [row | {"group": group} | each for row, group, each in zip(rows, groups, found, strict=True)]}


def most_doubtful_covered(table, checkpoint, most, cache_folder, threads):
    """Return the occlusion maps of the least certain images, as a list like that of `covered`.

    table: from `suggest_stages`. most: largest number of maps. checkpoint, cache_folder, threads: see `occlusion`.
    """
    doubtful = table[table["status"] == "used"].nlargest(most, "doubt")
    return covered(checkpoint, list(zip(doubtful["png"], doubtful["stage_1"], strict=True)), cache_folder, threads)


def covered(checkpoint, asked, cache_folder, threads):
    """Return the occlusion map of each picture: a list of dicts with png and the result of `_covered`.

    asked: list of (path of a PNG, stage). This works with every backbone. The pictures are not rotated.
    """
    backbone, head, embed, found = backbone_of(checkpoint), head_of(checkpoint), None, []
    for png, stage in tqdm(asked, unit="picture", desc="occlusion maps", disable=None):
        picture = decoded_png(png, read_png(png))
        if embed is None:
            embed = embedder(kind_of_embedder(), backbone, len(picture), Path(cache_folder), threads)
        believed = partial(_believed, embed, head, checkpoint["stages"].index(stage))
        found.append({"png": png} | _covered(picture, believed))
    return found


def _believed(embed, head, label, pictures):
    """Return the probability of the stage `label` for each picture, list of float."""
    parts = [embedded(embed, pictures[start : start + embed.batch]) for start in range(0, len(pictures), embed.batch)]
    with torch.inference_mode():
        return averaged(head(torch.from_numpy(np.concatenate(parts)))[None])[:, label].tolist()


def _covered(picture, believed):
    """Cover the embryo part by part with its own mean grey and return the occlusion map.

    picture: uint8 array (size, size). believed: function that returns the probability of the suggestion for each of
    several pictures. Returns {"believed": probability for the whole picture, "box": [top, left, bottom, right] of the
    embryo in pixels,
    "drops": rows of the fall in probability for each covered part of the box}.
    """
    filled = picture != picture[0, 0]
    top, left, bottom, right = filled_box(picture)
    side = max(bottom - top, right - left) / ACROSS
    down, across = (max(1, round(length / side)) for length in (bottom - top, right - left))
    grey = round(float(picture[filled].mean())) if filled.any() else int(picture[0, 0])
    y = np.linspace(top, bottom, down + 1).round().astype(int)
    x = np.linspace(left, right, across + 1).round().astype(int)
    pictures = [picture]
    for row in range(down):
        for column in range(across):
            covered = picture.copy()
            part = np.s_[y[row] : y[row + 1], x[column] : x[column + 1]]
            covered[part] = np.where(filled[part], grey, covered[part])
            pictures.append(covered)
    whole, *parts = believed(np.stack(pictures))
    drops = np.array([whole - part for part in parts]).reshape(down, across).round(4)
    return {"believed": whole, "box": [top, left, bottom, right], "drops": drops.tolist()}
