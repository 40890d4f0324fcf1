"""Settings for a first start: a pattern from names, a normalisation from pictures, as YAML to copy."""

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
    """(what was said, the settings) for three embryos at two stages, their brightest value as given."""
    (folder / "raw").mkdir()
    for embryo in (1, 2, 3):
        for stage in ("051", "060"):
            pixels = (brightest * GRADIENT + embryo).astype(np.uint16)
            tifffile.imwrite(folder / "raw" / name(stage, embryo), pixels)
    text = suggested_settings(DEFAULT | {"raw": [str(folder / "raw")], "results": str(folder / "results")})
    return text, yaml.safe_load(text)


@pytest.mark.parametrize(
    ("brightest", "method", "said"),
    [
        (9000, "multiply", "as it is; of 2 images opened none saturates or stays dark"),
        (60_000, "percentile", "2 saturate for more than 20% of their pixels and 0 stay dark"),
        (900, "percentile", "0 saturate for more than 20% of their pixels and 2 stay dark"),
    ],
)
def test_the_normalisation_fits_the_pictures(tmp_path, brightest, method, said):
    text, settings = suggested(tmp_path, brightest)
    assert settings["image"]["normalize"]["method"] == method and said in text
    assert settings["raw"] == [str(tmp_path / "raw")] and "(?P<embryo>" in settings["name_pattern"]
    assert "With that: 6 images of 2 stages and 3 embryos." in text
    assert not (tmp_path / "results").exists()
