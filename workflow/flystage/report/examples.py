"""Pictures for the page: the worst errors among their neighbours in time, and labels that look wrong."""

import base64

import cv2
import numpy as np

WORST = 9
SIDE = 200  # pixels of a thumbnail at most
BLACK, WHITE = 1, 99.7  # percentiles of the picture's own grey values that a thumbnail shows as black and white


def worst_errors(predictions, stages, most=WORST):
    """The images that were staged worst, each with what the same embryo looked like a stage before and after.

    predictions: table as the evaluation's, with png. stages: the Stages. Worst: the largest error in time; where stages have no
    order, the least probability of the truth. Only images whose first suggestion is wrong.
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


def thumbnail(png):
    """A PNG without its empty margin, its grey values stretched for the eye, as a JPEG (base64); None where there is no PNG."""
    picture = cv2.imread(str(png), cv2.IMREAD_GRAYSCALE) if png else None
    if picture is None:
        return None
    filled = picture != picture[0, 0]
    if filled.any():
        rows, columns = (np.flatnonzero(filled.any(axis=axis)) for axis in (1, 0))
        picture = picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    black, white = np.percentile(picture, (BLACK, WHITE))
    stretched = np.clip((picture - black) * (255 / max(white - black, 1)), 0, 255).astype(np.uint8)
    scale = min(1, SIDE / max(stretched.shape))
    size = [max(1, round(scale * side)) for side in stretched.shape[::-1]]
    small = cv2.resize(stretched, size, interpolation=cv2.INTER_AREA)
    return base64.b64encode(cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 85])[1]).decode()
