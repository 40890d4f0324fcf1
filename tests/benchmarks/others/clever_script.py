"""A fast script that a colleague could write: compute vectors once with eager torch, then fit a logistic regression.

The regression is tuned in folds of whole embryos.
python clever_script.py RAW SIZE WEIGHTS: a raw folder, pixels, a backbone as the workflow writes it.
"""

import re
import sys
from pathlib import Path

import cv2
import numpy as np
import tifffile
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold, GroupShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from flystage.network.backbones import loaded_backbone
from flystage.network.weights import load_weights

raw, size, weights = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
network = loaded_backbone(load_weights(weights)).eval().to(memory_format=torch.channels_last)
paths = sorted(raw.rglob("*.tif"))
stages = np.array([re.search(r"Stage\((\w+)\)", path.name).group(1) for path in paths])
embryos = np.array([re.search(r"\d{8}-Cycle\d+-embryo\d+", path.name).group(0) for path in paths])
rest, test = next(GroupShuffleSplit(1, test_size=0.2, random_state=1).split(paths, groups=embryos))


def pictures(path, angles):
    image = np.minimum(tifffile.imread(path).astype(np.float32) * (6 * 255 / 65535), 255)
    side = int(np.ceil(np.hypot(*image.shape)))
    canvas = np.full((side, side), np.median(image), np.float32)
    top, left = (side - image.shape[0]) // 2, (side - image.shape[1]) // 2
    canvas[top : top + image.shape[0], left : left + image.shape[1]] = image
    small = cv2.resize(canvas, (size, size), interpolation=cv2.INTER_AREA)
    for angle in angles:
        turn = cv2.getRotationMatrix2D((size / 2, size / 2), angle, 1)
        yield cv2.warpAffine(small, turn, (size, size), borderMode=cv2.BORDER_REPLICATE).astype(np.uint8)


def vectors(numbers, angles):
    shown = [picture for number in numbers for picture in pictures(paths[number], angles)]
    with torch.inference_mode():
        parts = [network(torch.from_numpy(np.stack(shown[i : i + 16]))) for i in range(0, len(shown), 16)]
    return torch.cat(parts).numpy()


angles = (0, 45, 90, 135, 180, 270)
repeated = np.repeat(rest, len(angles))
regression = make_pipeline(StandardScaler(), LogisticRegression(max_iter=200))
grid = {"logisticregression__C": [0.001, 0.01, 0.1, 1]}
search = GridSearchCV(regression, grid, cv=GroupKFold(5), n_jobs=-1)
search.fit(vectors(rest, angles), stages[repeated], groups=embryos[repeated])
views = np.mean([search.predict_log_proba(vectors(test, [angle])) for angle in (0, 90, 180, 270)], axis=0)
order = np.argsort(-views, axis=1)
for k in (1, 3, 6):
    hits = (search.classes_[order[:, :k]] == stages[test, None]).any(axis=1)
    print(f"top-{k} {hits.mean():.3f}")
