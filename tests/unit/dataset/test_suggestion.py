"""Test the settings that are suggested for a first run."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
import yaml

from flystage.dataset.suggestion import suggested_settings
from raw_files import name

DEFAULT = yaml.safe_load((Path(__file__).parents[3] / "config.yaml").read_text(encoding="utf-8"))
GRADIENT = np.tile(np.linspace(0, 1, 64), (48, 1))


def suggested(folder, brightest):
    """Return (text, settings) for three embryos at two stages, their brightest value as given."""
    (folder / "raw").mkdir()
    for embryo in (1, 2, 3):
        for stage in ("051", "060"):
            pixels = (brightest * GRADIENT + embryo).astype(np.uint16)
            tifffile.imwrite(folder / "raw" / name(stage, embryo), pixels)
    text = suggested_settings(DEFAULT | {"raw": [str(folder / "raw")], "results": str(folder / "results")})
    return text, yaml.safe_load(text)


@pytest.mark.parametrize(
    ("brightest", "method", "fact"),
    [
        (9000, "multiply", "none of the 2 images opened saturates or stays dark"),
        (60_000, "percentile", "2 images saturate in more than 20%"),
        (900, "percentile", "2 stay dark"),
    ],
)
def test_the_suggested_normalisation_fits_the_pictures(tmp_path, brightest, method, fact):
    text, settings = suggested(tmp_path, brightest)
    assert settings["image"]["normalize"]["method"] == method and fact in text
    assert settings["raw"] == [str(tmp_path / "raw")] and "(?P<embryo>" in settings["name_pattern"]
    assert "6 images of 2 stages and 3 embryos" in text
    assert not (tmp_path / "results").exists()
