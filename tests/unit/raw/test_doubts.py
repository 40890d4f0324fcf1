"""Test that doubtful names give warnings."""

import pytest

from flystage.raw.doubts import doubts, look_alikes
from flystage.raw.naming import RawImage
from flystage.raw.stages import Stages


@pytest.mark.parametrize(
    "names",
    [
        ["051", "51"], ["051", "O51"], ["0180", "180", "Stage 180"], ["360", "36O"], ["embryo3", "embryo03"], ["E1", "e1"],
        ["E 1", "E1", "E_1"], ["2023-Embryo01", "2023-embryo1"], ["Stage(60)", "Stage (060)"], ["M\u00fcller", "Mu\u0308ller"],
        ["l0", "10"], ["movie_1/E03", "movie_1/E3"], ["1", "1.0"], ["05,00", "5"],
    ],
)  # fmt: skip
def test_names_that_may_mean_one_thing_are_grouped(names):
    assert look_alikes([*names, "something else"]) == [sorted(names)]


@pytest.mark.parametrize(
    "names",
    [
        ["051", "060", "510", "501"], ["4.7hpf", "47hpf"], ["-15min", "15min"], ["1,5h", "15h"], ["stage5a", "stage5b"],
        ["e1_11", "e11_1"], ["1-cell", "10-cell"], ["embryo1", "embryo10"], ["Cycle00-embryo1", "Cycle01-embryo1"], ["ol", "01"],
        ["prim-5", "prim-15"], ["3-12", "312"], ["1.05", "1.5"], ["1.0", "10"], ["1.0", "1.1"], ["1k-cell", "1-cell"], ["HH10", "HH10+"],
    ],
)  # fmt: skip
def test_names_with_different_meanings_are_not_grouped(names):
    assert look_alikes(names) == []


SETTINGS = {"stages": "all", "time_unit": "auto", "raw": ["raw"], "name_pattern": None}


def warned(names, wanted="all", unit="auto", known=True, embryos=("a", "b", "c"), split_of=None):
    images = [RawImage(f"{stage}/{embryo}", stage, embryo) for stage in names for embryo in embryos for _ in range(2)]
    split_of = split_of or dict(zip(embryos, ("train", "train", "test", "val"), strict=False))
    stages = Stages.as_given(names, wanted, unit)
    return " ".join(doubts(images, stages, known, split_of, SETTINGS | {"stages": wanted, "time_unit": unit}))


def test_good_names_give_no_warning():
    assert warned(["051", "060"]) == warned(["stage5", "stage10"]) == warned(["dome", "bud"], ["dome", "bud"]) == ""


def test_doubtful_stage_names_give_a_warning():
    assert "stages '0180', '180'" in warned(["0180", "180", "051"])
    assert "'36O'" in warned(["051", "060", "36O"]) and "time_unit" in warned(["051", "060", "36O"])
    assert "(60 min)" in warned(["60min", "1h", "51min"])
    assert "('3') are assumed to be in h" in warned(["3", "4h", "5h"])


def test_an_unknown_order_or_one_that_is_not_by_time_gives_a_warning():
    assert "alphabetical ('early', 'late')" in warned(["early", "late"])
    assert "order of their times" in warned(["051", "060"], ["060", "051"])


def test_unknown_or_duplicate_embryos_give_a_warning():
    assert "(?P<embryo>...)" in warned(["051", "060"], known=False)
    split_of = {"embryo3": "train", "embryo03": "test", "e": "train"}
    assert "different splits" in warned(["051", "060"], embryos=tuple(split_of), split_of=split_of)
    split_of |= {"embryo03": "train"}
    text = warned(["051", "060"], embryos=tuple(split_of), split_of=split_of)
    assert "'embryo03', 'embryo3'" in text and "different splits" not in text


def test_a_single_training_embryo_gives_a_warning():
    assert "Only one embryo (a)" in warned(["051", "060"], split_of={"a": "train", "b": "val", "c": "test"})


def test_a_rare_stage_gives_a_warning():
    images = [RawImage("x", stage, embryo) for stage in ("051", "060") for embryo in "abc" for _ in range(4)]
    images.append(RawImage("x", "069", "a"))
    stages = Stages.as_given(["051", "060", "069"])
    (text,) = doubts(images, stages, True, dict.fromkeys("abc", "train"), SETTINGS)
    assert "rare" in text and "069 (1 of 1)." in text
    images += [
        RawImage("x", "069", embryo) for embryo in "ab" for _ in range(6)
    ]  # many images, but of only two embryos
    (text,) = doubts(images, stages, True, dict.fromkeys("abc", "train"), SETTINGS)
    assert "rare" in text and "069 (13 of 2)." in text


@pytest.mark.parametrize(
    ("paths", "said"),
    [
        (["may/E1_t051.tif", "june/E1_t060.tif"], True),
        (["raw/day1/E1_t051.tif", "raw/day2/E1_t051.tif"], True),
        (["raw/051/E1_z1.tif", "raw/060/E1_z1.tif"], False),
        (["raw/051/E1_z1.tif", "raw/051/more/E1_z2.tif"], False),
        (["may/E1_t051.tif", "june/E2_t051.tif"], False),
    ],
)
def test_one_embryo_in_folders_of_two_days_is_told(paths, said):
    stage, embryo = (lambda path: "060" if "060" in path else "051"), (lambda path: path.split("/")[-1][:2])
    images = [RawImage(path, stage(path), embryo(path)) for path in paths]
    images += [
        RawImage(f"raw/{stage}/{name}.tif", stage, name) for stage in ("051", "060") for name in ("E7", "E8", "E9")
    ]
    stages, split_of = Stages.as_given(["051", "060"], "all", "auto"), {image.embryo: "train" for image in images}
    found = " ".join(doubts(images, stages, True, split_of, SETTINGS | {"raw": ["may", "june", "raw"]}))
    assert ("several folders" in found) == said
    assert not said or ("E1" in found and "labels" in found)


@pytest.mark.parametrize(("folder", "names"), [("{day}", False), ("{day}/{stage}", True)])
def test_the_folder_of_a_stage_is_not_advised_as_part_of_an_embryo(folder, names):
    images = [
        RawImage(f"raw/{folder.format(day=day, stage=stage)}/E{number}.tif", stage, f"E{number}")
        for day in ("day1", "day2")
        for stage in ("051", "060")
        for number in range(4)
    ]
    stages, split_of = Stages.as_given(["051", "060"], "all", "auto"), {image.embryo: "train" for image in images}
    found = " ".join(doubts(images, stages, True, split_of, SETTINGS))
    assert "several folders" in found
    assert ("different file names" in found, "[^/]+" in found) == (names, not names)
