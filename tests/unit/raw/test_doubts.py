"""What names alone give reason to doubt."""

import pytest

from flystage.raw.doubts import doubts, look_alikes
from flystage.raw.naming import RawImage
from flystage.raw.stages import Stages


@pytest.mark.parametrize(
    "names",
    [
        ["051", "51"], ["051", "O51"], ["0180", "180", "Stage 180"], ["360", "36O"], ["embryo3", "embryo03"], ["E1", "e1"],
        ["E 1", "E1", "E_1"], ["2023-Embryo01", "2023-embryo1"], ["Stage(60)", "Stage (060)"], ["M\u00fcller", "Mu\u0308ller"],
        ["l0", "10"], ["movie_1/E03", "movie_1/E3"],
    ],
)  # fmt: skip
def test_names_that_could_be_one_are_found(names):
    assert look_alikes([*names, "something else"]) == [sorted(names)]


@pytest.mark.parametrize(
    "names",
    [
        ["051", "060", "510", "501"], ["4.7hpf", "47hpf"], ["-15min", "15min"], ["1,5h", "15h"], ["stage5a", "stage5b"],
        ["e1_11", "e11_1"], ["1-cell", "10-cell"], ["embryo1", "embryo10"], ["Cycle00-embryo1", "Cycle01-embryo1"], ["ol", "01"],
        ["prim-5", "prim-15"], ["3-12", "312"], ["1.05", "1.5"], ["1k-cell", "1-cell"], ["HH10", "HH10+"],
    ],
)  # fmt: skip
def test_names_that_differ_in_what_they_say_are_not(names):
    assert look_alikes(names) == []


def told(names, wanted="all", unit="auto", known=True, embryos=("a", "b", "c"), split_of=None):
    images = [RawImage(f"{stage}/{embryo}", stage, embryo) for stage in names for embryo in embryos for _ in range(2)]
    split_of = split_of or dict(zip(embryos, ("train", "train", "test", "val"), strict=False))
    stages = Stages.as_given(names, wanted, unit)
    return " ".join(doubts(images, stages, known, split_of, {"stages": wanted, "time_unit": unit}))


def test_nothing_doubtful_is_no_sentence():
    assert told(["051", "060"]) == told(["stage5", "stage10"]) == told(["dome", "bud"], ["dome", "bud"]) == ""


def test_stages_under_several_names_and_slips_are_told():
    assert "The stages '0180', '180' may be one" in told(["0180", "180", "051"])
    assert "No stage has a time, because '36O' is no number" in told(["051", "060", "36O"])
    assert "have the same time (60 min)" in told(["60min", "1h", "51min"])
    assert "Stages without a unit ('3') are taken to be in h" in told(["3", "4h", "5h"])


def test_an_order_that_is_not_known_or_not_that_of_time_is_told():
    assert "taken alphabetically ('early', 'late')" in told(["early", "late"])
    assert "not in the order of their times" in told(["051", "060"], ["060", "051"])


def test_embryos_that_are_not_told_apart_or_are_one_are_told():
    assert "every figure will flatter" in told(["051", "060"], known=False)
    split_of = {"embryo3": "train", "embryo03": "test", "e": "train"}
    assert "they lie in different splits" in told(["051", "060"], embryos=tuple(split_of), split_of=split_of)
    split_of |= {"embryo03": "train"}
    text = told(["051", "060"], embryos=tuple(split_of), split_of=split_of)
    assert "may be one under several names" in text and "different splits" not in text


def test_one_embryo_in_training_is_told():
    assert "One embryo alone is in training (a)" in told(
        ["051", "060"], split_of={"a": "train", "b": "val", "c": "test"}
    )


def test_a_rare_stage_is_told():
    images = [RawImage("x", stage, embryo) for stage in ("051", "060") for embryo in "abc" for _ in range(4)]
    images.append(RawImage("x", "069", "a"))
    stages = Stages.as_given(["051", "060", "069"])
    (text,) = doubts(images, stages, True, dict.fromkeys("abc", "train"), {"stages": "all", "time_unit": "auto"})
    assert "Rare stages, with images and embryos: 069 (1 of 1)." in text
    images += [
        RawImage("x", "069", embryo) for embryo in "ab" for _ in range(6)
    ]  # many images, and of two embryos alone
    (text,) = doubts(images, stages, True, dict.fromkeys("abc", "train"), {"stages": "all", "time_unit": "auto"})
    assert "Rare stages, with images and embryos: 069 (13 of 2)." in text
