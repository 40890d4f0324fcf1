"""Test that the white level of floats is estimated once per data set."""

import pytest

from flystage.core.errors import FlystageError
from flystage.dataset.white import read_white, remember_white, white_file, with_white


def test_the_first_estimate_is_kept(tmp_path):
    lock = str(tmp_path / "raw.split.csv")
    assert (
        read_white(lock) is None
        and with_white({"size": 3}, {"split": {"lock": lock}, "raw": []})["float_white"] is None
    )
    assert remember_white(lock, 1) == 1 == remember_white(lock, 255) == read_white(lock)
    assert white_file(lock) == str(tmp_path / "raw.white.json")
    assert with_white({"size": 3}, {"split": {"lock": lock}, "raw": []}) == {"size": 3, "float_white": 1}


@pytest.mark.parametrize("text", ["", "{}", '{"white": null}', '{"white": "much"}', "[1]"])
def test_a_damaged_estimate_is_an_error(tmp_path, text):
    (tmp_path / "raw.white.json").write_text(text, encoding="utf-8")
    with pytest.raises(FlystageError, match="raw.white.json is damaged.*image.white"):
        read_white(str(tmp_path / "raw.split.csv"))
