"""Make pictures for the report: the worst errors with their neighbours in time, doubtful labels and occlusion maps."""

import base64

import cv2
import numpy as np

from flystage.images.pngs import small_jpeg, without_margin

WORST = 9
SIDE = 200  # pixels of a thumbnail at most
LITTLE = 0.05  # a change of the probability that hardly matters
ORANGE, BLUE = (0, 120, 255), (200, 110, 40)  # blue, green, red, the order of OpenCV
BLACK, WHITE = 1, 99.7  # percentiles of a picture's grey values that its thumbnail shows as black and white


def worst_errors(predictions, stages, most=WORST):
    """Return the images with the worst errors, each with pictures of the same embryo a stage before and after.

    predictions: table as the evaluation's, with png. stages: the Stages. Only images whose first suggestion is wrong count. The
    worst has the largest error in time or, where stages have no order, the lowest probability of the true stage.
    """
    table = predictions.assign(place=predictions["stage"].map(stages.labels))
    true = [row[f"p_{row['stage']}"] for _, row in table.iterrows()]
    table = table.assign(badness=table["time_error"].abs() if stages.unit else 1 - np.array(true), p_true=true)
    wrong = table[table["predicted"] != table["stage"]].sort_values(["badness", "source"], ascending=[False, True])
    return [_with_neighbours(row, table[table["embryo"] == row["embryo"]]) for _, row in wrong[:most].iterrows()]


def _with_neighbours(row, embryo):
    before = embryo[embryo["place"] < row["place"]].sort_values("place").tail(1)
    after = embryo[embryo["place"] > row["place"]].sort_values("place").head(1)
    pictures = [_picture(each.iloc[0] if len(each) else None) for each in (before, embryo.loc[[row.name]], after)]
    return {
        "source": row["source"],
        "embryo": row["embryo"],
        "stage": row["stage"],
        "predicted": row["predicted"],
        "p_predicted": float(row[f"p_{row['predicted']}"]),
        "p_true": float(row["p_true"]),
        "time_error": float(row["time_error"]),
        "pictures": [{"role": role} | each for role, each in zip(("before", "wrong", "after"), pictures, strict=True)],
    }


def _picture(row):
    return {"stage": "", "picture": None} if row is None else {"stage": row["stage"], "picture": thumbnail(row["png"])}


def looked_at(images):
    """Return the occlusion maps: each picture plain, and with the parts that matter in colour. images: as in occlusion.json.

    Orange: covering the part lowers the probability of the suggestion. Blue: covering it raises the probability. All pictures
    share one scale, whose strongest colour is the largest change, or LITTLE if all changes are smaller.
    """
    most = max([LITTLE, *(abs(drop) for image in images for row in image["drops"] for drop in row)])
    shown = []
    for image in images:
        picture = cv2.imread(image["png"], cv2.IMREAD_GRAYSCALE)
        drops = np.array(image["drops"], dtype=np.float32)
        pictures = (None, None)
        if picture is not None:
            top, left, bottom, right = image["box"]
            grey = _stretched(picture[top:bottom, left:right])[..., None].repeat(3, axis=2)
            heat = cv2.resize(drops / most, grey.shape[1::-1], interpolation=cv2.INTER_NEAREST)[..., None]
            colour = np.where(heat > 0, ORANGE, BLUE)
            weight = 0.75 * np.abs(heat)
            pictures = _jpeg(grey), _jpeg((grey * (1 - weight) + colour * weight).astype(np.uint8))
        shown.append(image | {"plain": pictures[0], "coloured": pictures[1], "largest": float(drops.max())})
    return shown


def thumbnail(png):
    """Return a PNG as a JPEG (base64) without its empty margin and with enhanced contrast; None where there is no PNG."""
    picture = cv2.imread(str(png), cv2.IMREAD_GRAYSCALE) if png else None
    if picture is None:
        return None
    return _jpeg(_stretched(without_margin(picture)))


def _stretched(picture):
    black, white = np.percentile(picture, (BLACK, WHITE))
    return np.clip((picture - black) * (255 / max(white - black, 1)), 0, 255).astype(np.uint8)


def _jpeg(picture):
    return base64.b64encode(small_jpeg(picture, SIDE)).decode()
