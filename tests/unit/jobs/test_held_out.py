"""Test methods that learn from some embryos and classify others."""

import cv2
import numpy as np
import pandas as pd
import pytest
import torch

from flystage.core.tables import write_csv
from flystage.jobs import held_out
from flystage.jobs.held_out import DISTANCES, METHODS, NETWORK, HeldOut, Images, answers
from flystage.prediction.likeness import distances_to, reference_of
from flystage.training.head import HeadInputs


def task(images, staged, methods=tuple(METHODS)):
    here = np.isin(images.embryos, staged)
    return ~here, here, methods


def test_every_method_classifies_each_held_out_image(images_of, stages, recipe):
    images = images_of(6)
    (found,) = answers(images, [task(images, ["e01", "e05"])], stages, recipe, 1)
    assert list(found) == list(METHODS)
    true = images.manifest["label"].to_numpy()[np.isin(images.embryos, ["e01", "e05"])]
    for method, probabilities in found.items():
        assert probabilities.shape == (16, 4), method
        np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert (found[NETWORK].argmax(axis=1) == true).mean() > 0.7


def test_training_uses_all_rotations_except_those_of_held_out_embryos(images_of, stages, recipe, monkeypatch):
    images, seen, made = images_of(6), [], HeadInputs.of
    monkeypatch.setattr(
        held_out.HeadInputs, "of", lambda train, *rest: seen.append(train[0][:, 11]) or made(train, *rest)
    )
    answers(images, [task(images, ["e01"])], stages, recipe, 1)
    (marks,) = seen  # made once for all methods
    assert sorted(set(marks.tolist())) == [0, 2, 3, 4, 5]
    assert len(marks) == 2 * 16 + 3 * 8  # two training embryos remain, with their rotations


def test_answers_do_not_depend_on_the_number_of_processes(images_of, stages, recipe, elsewhere):
    images = images_of(6)
    tasks = [task(images, [f"e0{number}"]) for number in range(4)]
    of_two = elsewhere(answers, images, tasks, stages, recipe, 2)
    for one, two in zip(answers(images, tasks, stages, recipe, 1), of_two, strict=True):
        for method in METHODS:
            np.testing.assert_array_equal(one[method], two[method])


def test_distances_are_to_the_training_images(images_of, stages, recipe):
    images = images_of(6)
    (found,) = answers(images, [task(images, ["e01"], [DISTANCES])], stages, recipe, 1)
    learned = images.vectors[torch.from_numpy(~np.isin(images.embryos, ["e01"])[images.image])]
    expected = distances_to(reference_of(learned), torch.from_numpy(images.asked[0][images.embryos == "e01"]))
    np.testing.assert_array_equal(found[DISTANCES], expected)


def test_fewer_images_train_for_more_epochs(images_of, stages, recipe, monkeypatch):
    images, epochs, train = images_of(6), [], held_out.train_head
    monkeypatch.setattr(
        held_out, "train_head", lambda inputs, stages, its: epochs.append(its.epochs) or train(inputs, stages, its)
    )
    for staged in (["e01"], ["e01", "e02", "e03", "e04", "e05"]):
        HeldOut(images, *task(images, staged)[:2], stages, recipe)._network()
    assert epochs == [6, 18]  # the run trained on three embryos, and one remains


def test_shuffled_stages_stay_in_their_embryo_and_match_in_all_rotations(images_of):
    images = images_of(6)
    shuffled = images.shuffled(1)
    labels = np.zeros(len(images), dtype=int)
    labels[images.image] = shuffled.labels.numpy()
    np.testing.assert_array_equal(labels[images.image], shuffled.labels.numpy())
    true = images.manifest["label"].to_numpy()
    assert (labels == true).mean() < 0.6
    for embryo in np.unique(images.embryos):
        here = images.embryos == embryo
        assert sorted(labels[here]) == sorted(true[here])
    assert torch.equal(images.shuffled(1).labels, shuffled.labels)
    pd.testing.assert_frame_equal(shuffled.manifest, images.manifest)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Write the files of a run with one embryo per split. A vector has the mean and the corner of its picture."""
    random, vector = np.random.default_rng(1), lambda picture: [picture.mean(), float(picture[0, 0])]
    files = {"backbone": "none is looked at"}
    for split, angles in (("train", [0, 90]), ("val", [0]), ("test", [0])):
        rows, vectors = [], []
        for label in range(2):
            picture = random.integers(0, 255, (8, 8)).astype(np.uint8)
            for angle in angles:
                png = str(tmp_path / f"{split}{label}-{angle:03}.png")
                cv2.imwrite(png, np.rot90(picture, angle // 90))
                rows.append({"png": png, "stage": "x", "label": label, "embryo": split, "angle": angle, "source": "a"})
                vectors.append(vector(np.rot90(picture, angle // 90)))
        files[split] = tmp_path / f"{split}.csv"
        write_csv(pd.DataFrame(rows), files[split])
        if split != "test":
            files[f"{split}_vectors"] = tmp_path / f"{split}.npy"
            np.save(files[f"{split}_vectors"], np.array(vectors, dtype=np.float32))

    def of_views(pngs, backbone, cache, threads, turns):
        pictures = [cv2.imread(png, cv2.IMREAD_GRAYSCALE) for png in pngs]
        return np.array([[vector(np.rot90(each, turn)) for each in pictures] for turn in turns], dtype=np.float32)

    monkeypatch.setattr(held_out, "load_weights", lambda path: None)
    monkeypatch.setattr(held_out, "vectors_of_views", of_views)
    return files, of_views


def test_views_of_training_images_come_from_stored_vectors(run):
    files, of_views = run
    images = Images.of_run(files, "cache", 1, 4, [90])
    assert len(images) == 6 and images.manifest["split"].tolist() == ["train"] * 2 + ["val"] * 2 + ["test"] * 2
    assert images.image.tolist() == [0, 0, 1, 1, 2, 3, 4, 5] and images.labels.tolist() == [0, 0, 1, 1, 0, 1, 0, 1]
    np.testing.assert_array_equal(images.asked, of_views(images.manifest["png"], None, None, 1, (0, 1)))
    np.testing.assert_array_equal(images.vectors[[0, 2, 4, 5, 6, 7]], images.asked[0])
