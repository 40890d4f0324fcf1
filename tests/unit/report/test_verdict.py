"""The summary at the top of the report for good figures, bad figures and figures that show nothing."""

import re

import pytest

from flystage.report.verdict import verdict


def share(accuracy, low, high, chance):
    return {"accuracy": accuracy, "ci95": [low, high], "chance": chance}


def measured(*shares, embryos=24, images=408):
    return {"top_k": dict(zip(("1", "3", "6"), shares, strict=False)), "embryos": embryos, "images": images}


GOOD = measured(share(0.53, 0.45, 0.61, 0.06), share(0.88, 0.79, 0.94, 0.18), share(0.99, 0.95, 1, 0.35))
FACTS = ("first 3 suggestions", "88 %", "79 to 94 %", "chance 18 %", "53 %", "45 to 61 %")


def says(sentence, *facts):
    """Whether a text contains all facts in this order."""
    return re.search(".*".join(map(re.escape, facts)), sentence) is not None


def baselines_with(**differences):
    return {name: {"better_by": {"top_1": {"value": (low + high) / 2, "ci95": [low, high]}, "mae": {"ci95": mae}}}
            for name, (low, high, mae) in differences.items()} | {"chance": {}}  # fmt: skip


BETTER, LEVEL, NEARER, WORSE = ("better than every", "No significant improvement", "smaller mean error", "worse")


@pytest.mark.parametrize(
    ("baselines", "said", "good"),
    [
        (None, {}, True),
        (baselines_with(pixels=(0.1, 0.3, [1, 2])), {BETTER: ""}, True),
        (baselines_with(pixels=(0.1, 0.3, [1, 2]), features=(-0.02, 0.1, [-1, 2])), {LEVEL: "over features."}, False),
        (baselines_with(features=(-0.02, 0.1, [0.5, 2])), {LEVEL: "over features,", NEARER: ""}, False),
        (baselines_with(a=(0, 0.1, [-1, 2]), b=(-0.3, 0.1, [1, 2])), {LEVEL: "over a or b."}, False),
        (baselines_with(a=(-0.2, -0.1, [1, 2]), b=(-0.3, -0.1, [1, 2])), {WORSE: "than a and b."}, False),
    ],
)
def test_verdict_gives_shares_and_names_the_baselines(baselines, said, good):
    sentence, is_good = verdict(GOOD, baselines)
    assert says(sentence, *FACTS) and is_good == good
    assert {part for part in (BETTER, LEVEL, NEARER, WORSE) if part in sentence} == set(said)
    assert all(says(sentence, part, follows) for part, follows in said.items())


@pytest.mark.parametrize(
    ("shares", "embryos"),
    [([0.5, 0.82, 0.9], 4), ([0.9, 0.7, 0.8], 18), ([0.9, 0.9, 0.79], None), ([], None)],
)
def test_verdict_gives_the_training_embryos_that_80_percent_takes(shares, embryos):
    curve = [{"embryos": n, "top_3": {"value": share}} for n, share in zip((2, 4, 18), shares, strict=False)]
    sentence, good = verdict(GOOD, None, curve)
    assert good and says(sentence, *FACTS)
    assert says(sentence, f"{embryos} training embryos", "80 %", "top-3") or embryos is None
    assert ("training embryos" in sentence) == (embryos is not None)


def test_figures_at_chance_are_no_evidence():
    of_one = measured(share(0.3, 0.01, 0.9, 0.06), share(1, 0.03, 1, 0.18), embryos=1, images=17)
    sentence, good = verdict(of_one)
    assert (
        says(sentence, "No evidence", "guessing", "17 images of 1 embryo.", "30 %", "1 to 90 %", "chance 6 %")
        and not good
    )


def test_few_embryos_and_low_shares_are_named():
    sentence, good = verdict(measured(share(0.2, 0.1, 0.3, 0.05), share(0.5, 0.3, 0.7, 0.15), embryos=4))
    facts = ("first 3 suggestions", "50 %", "30 to 70 %", "chance 15 %", "better than guessing", "4 embryos")
    assert says(sentence, *facts) and not good


@pytest.mark.parametrize(("embryos", "good"), [(4, False), (5, True)])
def test_high_shares_of_few_embryos_are_not_good_news(embryos, good):
    sentence, is_good = verdict(measured(share(0.9, 0.8, 0.95, 0.1), embryos=embryos))
    assert is_good == good and ("4 embryos" in sentence) == (not good)


def test_a_good_first_suggestion_is_the_only_share_given():
    sentence, _ = verdict(measured(share(0.9, 0.8, 0.95, 0.1)))
    assert says(sentence, "first suggestion", "90 %", "80 to 95 %", "chance 10 %") and "among" not in sentence
