"""Exchanged labels come first in the list, and correct labels are not in it."""

import numpy as np

from flystage.evaluation.wrong_labels import MOST, label_doubts
from flystage.raw.stages import Stages

STAGES = Stages(["051", "060", "069"], [51, 60, 69], "min")


def seen_as(seen, sure=0.8):
    probabilities = np.full((len(seen), 3), (1 - sure) / 2)
    probabilities[np.arange(len(seen)), seen] = sure
    return probabilities


def test_exchanged_labels_are_found(answered):
    seen = np.arange(30) % 3
    labels = seen.copy()
    labels[4] = 2  # seen as 060
    (found,) = label_doubts(answered(labels, seen_as(seen)), STAGES)
    assert (found["png"], found["stage"], found["predicted"]) == ("4.png", "069", "060")
    assert found["p_given"] < 0.2 and set(found) == {"source", "stage", "predicted", "p_given", "embryo", "png"}


def test_correct_labels_are_not_listed_and_the_list_is_short_and_sorted(answered):
    labels = np.arange(90) % 3
    assert label_doubts(answered(labels, seen_as(labels)), STAGES) == []
    mixed = answered(labels, seen_as(labels))
    columns = ["p_051", "p_060", "p_069"]
    mixed[columns] = np.random.default_rng(1).dirichlet([1, 1, 1], 90)
    found = label_doubts(mixed, STAGES)
    assert len(found) == MOST and [one["p_given"] for one in found] == sorted(one["p_given"] for one in found)
