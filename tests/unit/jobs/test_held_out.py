"""Test methods that learn from some embryos and classify others."""

from dataclasses import replace

import cv2
import numpy as np
import pandas as pd
import pytest
import torch

from flystage.core.tables import write_csv
from flystage.jobs import held_out
from flystage.jobs.held_out import ALONE, ASKED, DISTANCES, METHODS, NETWORK, HeldOut, Images, answers
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
    expected = distances_to(reference_of(learned, 1), torch.from_numpy(images.asked[0][images.embryos == "e01"]), 1)
    np.testing.assert_array_equal(found[DISTANCES], expected)


def test_heads_train_for_all_epochs_of_the_recipe(images_of, stages, recipe, monkeypatch):
    images, epochs, train = images_of(6), [], held_out.train_head
    monkeypatch.setattr(
        held_out, "train_head", lambda inputs, stages, its: epochs.append(its.epochs) or train(inputs, stages, its)
    )
    for staged in (["e01"], ["e01", "e02", "e03", "e04", "e05"]):
        HeldOut(images, *task(images, staged)[:2], stages, recipe)._network()
    assert epochs == [6, 6]


def moved(images, spread=4.0):
    """Return the images with an offset of each embryo in its vectors, which is taken out."""
    random = np.random.default_rng(5)
    offsets = {embryo: random.normal(0, spread, 12) for embryo in np.unique(images.embryos)}
    shift = np.array([offsets[embryo] for embryo in images.embryos]).astype(np.float32)
    vectors = images.vectors + torch.from_numpy(shift[images.image])
    return replace(images, vectors=vectors, asked=images.asked + shift, adapt=True)


def test_offset_is_taken_out_only_if_asked_and_with_enough_embryos(images_of, stages, recipe):
    images = moved(images_of(8))
    asked = task(images, ["e06", "e07"], [NETWORK, ALONE])
    few = (np.isin(images.embryos, ["e00", "e01", "e02", "e03"]), *asked[1:])
    enough, too_few = answers(images, [asked, few], stages, recipe, 1)
    assert not np.allclose(enough[NETWORK], enough[ALONE], atol=0.01)
    np.testing.assert_array_equal(too_few[NETWORK], too_few[ALONE])
    (off,) = answers(replace(images, adapt=False), [asked], stages, recipe, 1)
    np.testing.assert_array_equal(off[NETWORK], enough[ALONE])
    np.testing.assert_array_equal(off[ALONE], enough[ALONE])


def test_rotations_of_an_image_weigh_as_one_in_offsets(images_of, stages, recipe, monkeypatch):
    images, seen = moved(images_of(6)), []
    monkeypatch.setattr(held_out, "train_offset", lambda inputs, *given: seen.append(given[:2]))
    answers(images, [task(images, ["e01"], [NETWORK])], stages, recipe, 1)
    ((embryos, weights),) = seen
    assert len(embryos) == 2 * 16 + 3 * 8
    assert {name: weights[embryos == name].sum() for name in np.unique(embryos)} == dict.fromkeys(
        ["e00", "e02", "e03", "e04", "e05"], 8
    )


def test_single_image_of_an_embryo_is_answered_alone(images_of, stages, recipe):
    images = moved(images_of(7))
    here = images.embryos == "e06"
    only = here & (np.cumsum(here) == 1)
    (found,) = answers(images, [(~here, only, [NETWORK, ALONE])], stages, recipe, 1)
    np.testing.assert_array_equal(found[NETWORK], found[ALONE])


def test_labels_of_held_out_images_change_no_answer(images_of, stages, recipe):
    images = moved(images_of(8))
    here = np.isin(images.embryos, ["e01", "e05"])
    true = images.manifest["label"].to_numpy()
    labels = true.copy()
    labels[here] = np.random.default_rng(0).permutation(labels[here])
    labels[here] = (labels[here] + 1) % 4
    manifest = images.manifest.assign(label=labels, stage=np.array(stages.names)[labels])
    other = replace(images, manifest=manifest, labels=torch.tensor(labels[images.image]))
    assert (labels != true).any() and not torch.equal(other.labels, images.labels)
    asked = [(~here, here, tuple(ASKED))]
    (one,), (two,) = (answers(each, asked, stages, recipe, 1) for each in (images, other))
    for method in ASKED:
        np.testing.assert_array_equal(one[method], two[method], err_msg=method)


def test_other_held_out_embryos_change_no_answer(images_of, stages, recipe):
    images = moved(images_of(8))
    learned = ~np.isin(images.embryos, ["e01", "e05"])
    both, one = (
        answers(images, [(learned, np.isin(images.embryos, names), [NETWORK])], stages, recipe, 1)[0][NETWORK]
        for names in (["e01", "e05"], ["e01"])
    )
    np.testing.assert_allclose(both[:8], one, atol=1e-5)


def test_parts_of_vectors_reach_the_head(images_of, stages, recipe):
    images = replace(images_of(6), parts=2)
    held = HeldOut(images, *task(images, ["e01"])[:2], stages, recipe)
    assert held.inputs.standard.parts == 2 and held._head[0].parts == 2
    assert not np.allclose(
        held._distances(), HeldOut(images_of(6), held.learned, held.staged, stages, recipe)._distances()
    )


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

    monkeypatch.setattr(held_out, "load_weights", lambda path: {"parts": 2})
    monkeypatch.setattr(held_out, "vectors_of_views", of_views)
    return files, of_views


def test_views_of_training_images_come_from_stored_vectors(run):
    files, of_views = run
    images = Images.of_run(files, "cache", 1, 4, [90], True)
    assert images.parts == 2 and images.adapt is True
    assert len(images) == 6 and images.manifest["split"].tolist() == ["train"] * 2 + ["val"] * 2 + ["test"] * 2
    assert images.image.tolist() == [0, 0, 1, 1, 2, 3, 4, 5] and images.labels.tolist() == [0, 0, 1, 1, 0, 1, 0, 1]
    np.testing.assert_array_equal(images.asked, of_views(images.manifest["png"], None, None, 1, (0, 1)))
    np.testing.assert_array_equal(images.vectors[[0, 2, 4, 5, 6, 7]], images.asked[0])
