"""Test which images are taken for label masks."""

import pytest

from flystage.raw.masks import may_be_labels, named_like_masks
from flystage.raw.naming import RawImage

MASKS = [
    *("051/e01_0_cp_masks.tif", "051/e01_0_masks.tif", "051/e01-mask.tif", "051/e01_mask_2.tif", "051/Mask of e01.tif"),
    *("051/e01_labels.tif", "051/Labels.tif", "051/e01.labels.tiff", "051/e01_label.tif", "051/e01_seg.tif"),
    *(
        "051/e01_Simple Segmentation.tif",
        "051/e01_Probabilities.tif",
        "masks/e01.tif",
        "cp_masks/e01.tif",
        "Labels/e01.tif",
    ),
]
PICTURES = [
    *("051/e01_0.tif", "051/e01_masked.tif", "051/labelled_e01.tif", "051/segment_e01.tif", "051/e01_relabel.tif"),
    *("labelling/e01.tif", "unmasked/e01.tif"),
]


@pytest.mark.parametrize("path", MASKS)
def test_usual_names_of_masks_are_recognised(path):
    image = RawImage(f"raw/{path}", path.split("/")[0], "e01")
    assert named_like_masks([image]) == [image]


@pytest.mark.parametrize("path", PICTURES)
def test_names_of_pictures_are_not(path):
    assert named_like_masks([RawImage(f"raw/{path}", path.split("/")[0], "e01")]) == []


def test_the_name_of_a_stage_does_not_count():
    stage = RawImage("raw/segmentation/e01_segmentation.tif", "segmentation", "e01")
    assert named_like_masks([stage]) == []
    assert named_like_masks([stage._replace(path="raw/segmentation/e01_segmentation_seg.tif")])


@pytest.mark.parametrize(
    ("dtype", "levels", "flat", "expected"),
    [
        ("int32", 8, 0.2, True), ("int64", 8, 0.0, True), ("uint32", 20_000, 0.1, False), ("uint16", 8, 0.97, True),
        ("uint16", 4000, 0.01, False), ("uint8", 30, 0.6, False), ("uint8", 2, 0.99, True), ("uint8", 1, 1.0, False),
        ("float32", 5, 0.99, False),
    ],
)  # fmt: skip
def test_few_even_values_are_labels(dtype, levels, flat, expected):
    assert may_be_labels(dtype, levels, flat) == expected
