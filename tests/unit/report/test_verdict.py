"""The sentence on top of the page: what it says of figures that are good, bad, or of nothing."""

import pytest

from flystage.report.verdict import verdict


def share(accuracy, low, high, chance):
    return {"accuracy": accuracy, "ci95": [low, high], "chance": chance}


def measured(*shares, embryos=24, images=408):
    return {"top_k": dict(zip(("1", "3", "6"), shares, strict=False)), "embryos": embryos, "images": images}


GOOD = measured(share(0.53, 0.45, 0.61, 0.06), share(0.88, 0.79, 0.94, 0.18), share(0.99, 0.95, 1, 0.35))
START = (
    "Top-3 is right for 88 of 100 images of an embryo it never saw (79 to 94; guessing 18), its first suggestion alone for 53"
    " (45 to 61)"
)


def beside(**differences):
    return {name: {"better_by": {"top_1": {"value": (low + high) / 2, "ci95": [low, high]}, "mae": {"ci95": mae}}}
            for name, (low, high, mae) in differences.items()} | {"chance": {}}  # fmt: skip


@pytest.mark.parametrize(
    ("baselines", "end", "good"),
    [
        (None, ".", True),
        (beside(pixels=(0.1, 0.3, [1, 2])), "; better than the simple methods.", True),
        (
            beside(pixels=(0.1, 0.3, [1, 2]), features=(-0.02, 0.1, [-1, 2])),
            "; not shown to be right more often than features.",
            False,
        ),
        (
            beside(features=(-0.02, 0.1, [0.5, 2])),
            "; not shown to be right more often than features, though nearer to the truth in time.",
            False,
        ),
        (beside(a=(-0.2, -0.1, [1, 2]), b=(-0.3, -0.1, [1, 2])), "; worse than a and b.", False),
    ],
)
def test_it_says_how_often_and_beside_what(baselines, end, good):
    assert verdict(GOOD, baselines) == (START + end, good)


@pytest.mark.parametrize(
    ("shares", "end"),
    [
        ([0.5, 0.82, 0.9], "; at least 80 of 100 from 4 training embryos on."),
        ([0.9, 0.7, 0.8], "; at least 80 of 100 from 18 training embryos on."),
        ([0.9, 0.9, 0.79], "."),
        ([], "."),
    ],
)
def test_it_says_from_how_many_embryos_on(shares, end):
    curve = [{"embryos": n, "top_3": {"value": share}} for n, share in zip((2, 4, 18), shares, strict=False)]
    assert verdict(GOOD, None, curve) == (START + end, True)


def test_nothing_shown_is_said():
    of_one = measured(share(0.3, 0.01, 0.9, 0.06), share(1, 0.03, 1, 0.18), embryos=1, images=17)
    assert verdict(of_one) == (
        "Nothing was shown: on 17 images of 1 embryo the suggestions cannot be told from guessing (the first suggestion is right for"
        " 30 of 100 images (1 to 90; guessing 6)).",
        False,
    )


def test_few_embryos_and_little_use_are_said():
    sentence, good = verdict(measured(share(0.2, 0.1, 0.3, 0.05), share(0.5, 0.3, 0.7, 0.15), embryos=4))
    assert sentence == (
        "Top-3 is right for 50 of 100 images of an embryo it never saw (30 to 70; guessing 15), which is more than guessing and too"
        " little to rely on; 4 embryos are too few for a firm statement."
    )
    assert not good


@pytest.mark.parametrize(("embryos", "good"), [(4, False), (5, True)])
def test_what_few_embryos_show_is_no_good_news_however_right(embryos, good):
    sentence, told = verdict(measured(share(0.9, 0.8, 0.95, 0.1), embryos=embryos))
    assert told == good and ("4 embryos are too few for a firm statement." in sentence) == (not good)


def test_a_first_suggestion_that_is_right_needs_no_others():
    sentence, _ = verdict(measured(share(0.9, 0.8, 0.95, 0.1)))
    assert (
        sentence
        == "The first suggestion is right for 90 of 100 images of an embryo it never saw (80 to 95; guessing 10)."
    )
