"""Test that the synthetic embryos of the demo are reproducible and have realistic names, images and junk files."""

import hashlib
import re
from pathlib import Path

import numpy as np
import pytest
import tifffile

import embryos

SMALL = (222, 84)
NAME = re.compile(r"(?:Stage\((?P<stage>\d+)\)-)?(?P<embryo>\d{8}-Cycle\d+-embryo\d+)(?:-(?P<slice>\d+))?")


def digests(folder):
    return {p.relative_to(folder): hashlib.sha256(p.read_bytes()).digest() for p in folder.rglob("*") if p.is_file()}


def write(folder, **changes):
    wanted = {"embryos": 2, "minutes": (60, 123, 195), "size": SMALL, "processes": 1} | changes
    return embryos.write_embryos(folder, **wanted)


def test_one_and_two_processes_give_the_same_bytes(tmp_path):
    write(tmp_path / "one")
    write(tmp_path / "two", processes=2)
    assert digests(tmp_path / "one") == digests(tmp_path / "two")


def test_more_embryos_do_not_change_earlier_files(tmp_path):
    write(tmp_path / "added", embryos=1, droppings=False)
    before = digests(tmp_path / "added")
    write(tmp_path / "added", embryos=2, first_embryo=2, droppings=False)
    after = digests(tmp_path / "added")
    assert before.items() <= after.items()
    write(tmp_path / "at once", embryos=3, droppings=False)
    assert after == digests(tmp_path / "at once")


def test_an_existing_file_is_kept_and_no_partial_file_remains(tmp_path):
    first = write(tmp_path, droppings=False)[0]
    first.write_bytes(b"mine")
    write(tmp_path, droppings=False)
    assert first.read_bytes() == b"mine"
    assert not list(tmp_path.rglob("*.part"))


def test_names_carry_stage_embryo_and_slice(tmp_path):
    paths = write(tmp_path, embryos=9, minutes=(51, 195), slices=2, size=(37, 14), droppings=False)
    assert len(paths) == len(set(paths)) == 9 * 2 * 2
    assert all(isinstance(p, Path) and p.is_file() for p in paths)
    assert paths[0] == tmp_path / "051" / "Stage(051)-20230811-Cycle00-embryo01-1.tif"
    found = [NAME.fullmatch(path.stem) for path in paths]
    assert all(found)
    assert all(match["stage"] == path.parent.name for match, path in zip(found, paths, strict=True))
    assert len({match["embryo"] for match in found}) == 9
    assert len({match["embryo"][:8] for match in found}) > 1
    assert {match["slice"] for match in found} == {"1", "2"}


def test_images_are_sixteen_bit_compressed_and_dark(tmp_path):
    (path,) = write(tmp_path, embryos=1, minutes=(60,), size=(1110, 420), droppings=False)
    with tifffile.TiffFile(path) as tif:
        assert tif.pages[0].compression == tifffile.COMPRESSION.ADOBE_DEFLATE
        image = tif.asarray()
    assert image.dtype == np.uint16
    assert image.shape == (420, 1110)
    assert 300 < np.median(image) < 1500
    assert np.percentile(image, 99.9) < 8000
    assert len(np.unique(image)) > 4000


def test_some_corners_are_outside_the_field_of_the_microscope():
    images = [embryos.render(k, 60, 1, SMALL, 0) for k in range(1, 7)]
    corners = np.array([[i[0, 0], i[0, -1], i[-1, 0], i[-1, -1]] for i in images])
    assert (corners == 0).any() and (corners > 0).any()
    assert all(image[42, 111] > 0 for image in images)


@pytest.mark.parametrize("minute", [51, 52, 77, 100, 131, 186, 204])
def test_any_minute_can_be_drawn_at_any_size(minute):
    assert embryos.render(5, minute, 2, (100, 60), 3).shape == (60, 100)


def difference(one, other):
    return np.abs(one.astype(float) - other).mean()


def test_distant_minutes_differ_more_than_neighbouring_ones():
    near, far, noise = [], [], []
    for embryo in (1, 2, 3):
        now = embryos.render(embryo, 96, 1, SMALL, 0)
        noise.append(difference(now, embryos.render(embryo, 96, 2, SMALL, 0)))
        near.append(difference(now, embryos.render(embryo, 105, 1, SMALL, 0)))
        far.append(difference(now, embryos.render(embryo, 186, 1, SMALL, 0)))
    assert 0 < np.mean(noise) < np.mean(near) < np.mean(far)


def test_slices_and_seeds_change_an_embryo_less_than_another_embryo():
    image = embryos.render(1, 96, 1, SMALL, 0)
    assert (image == embryos.render(1, 96, 1, SMALL, 0)).all()
    own = difference(image, embryos.render(1, 96, 2, SMALL, 0))
    assert own > 0
    assert difference(image, embryos.render(1, 96, 1, SMALL, 1)) > own
    assert difference(image, embryos.render(2, 96, 1, SMALL, 0)) > own


def test_junk_files_and_damaged_tifs_are_written(tmp_path):
    good = set(write(tmp_path))
    names = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert {".DS_Store", "Thumbs.db"} <= names
    assert any(name.startswith("._Stage(") for name in names)
    assert len(list(tmp_path.glob("*/.ipynb_checkpoints/*-checkpoint.tif"))) == 1
    (copy,) = tmp_path.glob("*/* copy.tif")
    assert copy.read_bytes() == copy.with_name(copy.name.replace(" copy", "")).read_bytes()

    broken = set(tmp_path.glob("*/Stage*.tif")) - good - {copy}
    assert len(broken) == 2
    assert sorted(p.stat().st_size > 0 for p in broken) == [False, True]
    known = {NAME.fullmatch(path.stem)["embryo"] for path in good}
    for path in broken:
        assert NAME.fullmatch(path.stem)["embryo"] in known
        with pytest.raises((ValueError, RuntimeError)):
            tifffile.imread(path)


@pytest.mark.parametrize(
    "nonsense",
    [
        {"embryos": 0},
        {"first_embryo": 0},
        {"minutes": (30,)},
        {"minutes": ()},
        {"minutes": (60.5,)},
        {"slices": 0},
        {"size": (0, 84)},
        {"seed": -1},
        {"processes": 0},
    ],
)
def test_impossible_arguments_are_refused(tmp_path, nonsense):
    with pytest.raises(ValueError, match=r"^[A-Z][^\n]*\.$"):
        write(tmp_path / "new", **nonsense)
    assert not (tmp_path / "new").exists()


def test_the_command_line_writes_images(tmp_path, capsys):
    options = ["--embryos", "1", "--minutes", "60", "78", "9", "--size", "111", "42", "--no-droppings"]
    embryos.main([str(tmp_path / "demo"), *options])
    assert len(list(tmp_path.glob("demo/*/*"))) == 3
    last = capsys.readouterr().out.splitlines()[-1]
    assert "3 images of 1 embryo are in" in last
    assert "synthetic" in last
    with pytest.raises(SystemExit):
        embryos.main([str(tmp_path / "demo"), "--minutes", "10", "60", "9"])
    assert "only 51 to 204" in capsys.readouterr().err
