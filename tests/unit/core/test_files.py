"""Test that files appear complete or not at all."""

import pytest

from flystage.core.files import existing_folder, written_whole


def test_the_file_appears_only_when_the_block_ends(tmp_path):
    path = tmp_path / "new" / "table.csv"
    with written_whole(path) as temporary:
        temporary.write_text("whole", encoding="utf-8")
        assert temporary.parent == path.parent and temporary.suffix == ".csv"
        assert not path.exists()
    assert [file.name for file in path.parent.iterdir()] == ["table.csv"]
    assert path.read_text(encoding="utf-8") == "whole"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_keeps_the_earlier_file(tmp_path, error):
    path = tmp_path / "table.csv"
    path.write_text("old", encoding="utf-8")
    with pytest.raises(error), written_whole(path) as temporary:
        temporary.write_text("half", encoding="utf-8")
        raise error
    assert [file.name for file in tmp_path.iterdir()] == ["table.csv"]
    assert path.read_text(encoding="utf-8") == "old"


def test_the_nearest_existing_folder_is_found_through_links(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to("there")
    assert (
        existing_folder(tmp_path / "there/not/yet") == existing_folder(tmp_path / "link/new") == str(tmp_path / "there")
    )
    assert existing_folder(tmp_path) == str(tmp_path)
