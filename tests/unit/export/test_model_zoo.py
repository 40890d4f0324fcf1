"""Test the package with the BioImage Model Zoo's software, which validates and runs it."""

import zipfile

import cv2
import numpy as np
import pytest

from flystage.export.model_zoo import documentation, drawn_picture, write_package
from flystage.prediction.inference import stage_probabilities


@pytest.fixture(scope="module")
def package(checkpoint, graph, tmp_path_factory):
    path = tmp_path_factory.mktemp("package") / "stager.zip"
    write_package(checkpoint, graph, path)
    return path


def test_zoo_software_runs_the_package_with_the_checkpoints_answers(package, checkpoint, tmp_path):
    from bioimageio.core import load_model_description, predict, test_description

    summary = test_description(package)
    assert summary.status == "passed", summary.format()
    picture = np.random.default_rng(1).integers(0, 256, (64, 64), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), picture)
    model = load_model_description(package)
    found = predict(model=model, inputs={"pictures": picture[None]}).members["probabilities"].data
    expected = stage_probabilities(checkpoint, [str(tmp_path / "a.png")], tmp_path, 1, 4)
    np.testing.assert_allclose(np.asarray(found), expected, atol=1e-4)
    assert model.outputs[0].axes[1].channel_names == ["051", "060", "069", "078"]


def test_package_has_a_drawn_picture_instead_of_the_laboratorys(package):
    names = set(zipfile.ZipFile(package).namelist())
    assert {"stager.onnx", "README.md", "input.npy", "output.npy", "cover.png"} < names
    assert drawn_picture(64).max() == 180 and (drawn_picture(64) == drawn_picture(64)).all()


def test_documentation_explains_preparation_and_answers(checkpoint):
    text = documentation(checkpoint)
    assert "64 x 64 pixels" in text and "them by 6" in text and "A note." in text
    assert "probability of 0.2 or more" in text and "true stage for 80 % of the images" in text
    plain = checkpoint | {"calibration": {"temperature": 1.0, "sets": None}}
    plain["image"] = checkpoint["image"] | {"normalize": {"method": "percentile"}}
    text = documentation(plain)
    assert "true stage" not in text and "percentiles" in text and "them by 6" not in text
