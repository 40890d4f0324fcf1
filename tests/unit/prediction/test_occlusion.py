"""Test occlusion maps: the choice of pictures, and the parts that change the answer."""

import cv2
import numpy as np
import pandas as pd
import pytest
import torch

from flystage.prediction import occlusion as module
from flystage.prediction.occlusion import GROUPS, examples_to_look_at, most_doubtful_covered, occlusion

STAGES = ["a", "b"]


def predictions(right, wrong):
    rows = [("a", "a", 0.9)] * right + [("a", "b", 0.2 + 0.1 * number) for number in range(wrong)]
    table = pd.DataFrame(rows, columns=["stage", "predicted", "p_a"])
    return table.assign(p_b=1 - table["p_a"], source="raw/x.tif", embryo="e1")


@pytest.mark.parametrize(("right", "wrong"), [(9, 6), (0, 1), (1, 0), (3, 2)])
def test_a_few_images_of_each_group_are_chosen(right, wrong):
    table = predictions(right, wrong)
    chosen = examples_to_look_at(table)
    groups = [list(chosen.values()).count(group) for group in GROUPS]
    assert groups == [min(right, 2), min(max(wrong - 2, 0), 2), min(wrong, 2)]
    for place, group in chosen.items():
        assert (table.loc[place, "stage"] == table.loc[place, "predicted"]) == (group == "right")


def test_the_most_confident_wrong_images_are_chosen():
    chosen = examples_to_look_at(predictions(0, 5).assign(p_b=[0.6, 0.7, 0.99, 0.8, 0.95]))
    assert {place for place, group in chosen.items() if group == GROUPS[2]} == {2, 4}


def test_map_shows_the_only_corner_that_a_network_uses(tmp_path, monkeypatch):
    picture = np.zeros((90, 90), np.uint8)
    picture[30:60] = 100
    picture[30:40, :10] = 250
    cv2.imwrite(str(tmp_path / "a.png"), picture)

    class Corner:
        batch = 4

        def __call__(self, pictures):
            assert len(pictures) == self.batch
            return pictures[:, 30:40, :10].mean(axis=(1, 2), dtype=np.float32)[:, None]

    monkeypatch.setattr(module, "embedder", lambda *_: Corner())
    monkeypatch.setattr(module, "backbone_of", lambda _: None)
    monkeypatch.setattr(module, "head_of", lambda _: lambda vectors: torch.cat([vectors / 50, 0 * vectors], dim=-1))
    [found] = occlusion({"stages": STAGES}, predictions(1, 0), [str(tmp_path / "a.png")], tmp_path, 1)["images"]
    drops = np.array(found["drops"])
    assert found["box"] == [30, 0, 60, 90] and drops.shape == (3, 9)
    assert drops[0, 0] > 0.05 and np.count_nonzero(drops) == 1
    assert found["believed"] == pytest.approx(1 / (1 + np.exp(-5)))
    assert found["group"] == "right" and found["source"] == "raw/x.tif"


def test_maps_are_made_of_the_least_certain_used_images(monkeypatch):
    monkeypatch.setattr(module, "covered", lambda checkpoint, asked, *_: asked)
    table = pd.DataFrame(
        {
            "status": ["used", "rejected", "used", "used"],
            "png": ["a.png", "", "c.png", "d.png"],
            "stage_1": ["a", "", "b", "a"],
            "doubt": [0.2, np.nan, 0.7, 0.5],
        }
    )
    assert most_doubtful_covered(table, {}, 2, "cache", 1) == [("c.png", "b"), ("d.png", "a")]
    assert most_doubtful_covered(table, {}, 0, "cache", 1) == []
    assert len(most_doubtful_covered(table, {}, 9, "cache", 1)) == 3
