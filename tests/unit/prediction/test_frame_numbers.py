"""Test how the numbers of frames are read in file names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flystage.prediction.frame_numbers import frame_numbers, uneven_steps


@pytest.mark.parametrize(
    ("texts", "numbers"),
    [
        (["1", "2", "10"], [1, 2, 10]),
        (["t001", "t002"], [1, 2]),
        (["0.5", "1,5h"], [0.5, 1.5]),
        (["a", "2"], [None, 2]),
        (["1-2", ""], [None, None]),
        (["0051", "0069"], [51, 69]),  # no minute 69
        (["0000", "0001", "0002"], [0, 1, 2]),
        (["0010", "0020", "0030"], [10, 20, 30]),
        (["000058", "000059", "000060"], [58, 59, 60]),
        ([], []),
    ],
)
def test_counters(texts, numbers):
    found, seconds = frame_numbers(texts)
    if seconds is None:
        assert found == numbers
    else:  # a clock whose steps are as those of the counter
        assert [number - found[0] for number in found] == [
            (n - numbers[0]) / (numbers[1] - numbers[0]) for n in numbers
        ]


@pytest.mark.parametrize(
    ("texts", "numbers", "seconds"),
    [
        (["230000", "233000", "000000", "003000"], [0, 1, 2, 3], 1800),
        (["2345", "0000", "0015"], [0, 1, 2], 900),
        (["23-45-00", "23-50-00"], [0, 1], 300),
        (["9h30", "10h00", "10h30"], [0, 1, 2], 1800),
        (["2023-12-31_23.50", "2024-01-01_00.00"], [0, 1], 600),
        (["20231231T235000", "20240101T000000", "20240101T002000"], [0, 1, 3], 600),
        (["20231231235000", "20240101000000"], [0, 1], 600),
    ],
)
def test_clocks(texts, numbers, seconds):
    found, step = frame_numbers(texts)
    assert found == pytest.approx(numbers) and step == seconds


def test_a_date_that_does_not_exist_is_no_time():
    assert frame_numbers(["20230230-120000", "20230230-121000"]) == ([None, None], None)


@given(st.lists(st.integers(0, 5000), min_size=2, unique=True).map(sorted), st.integers(1, 8))
def test_counters_keep_their_order_at_any_width(counts, width):
    found, _ = frame_numbers([f"{count:0{width}d}" for count in counts])
    assert found == sorted(found) and len(set(found)) == len(found)


@given(st.integers(0, 24 * 60 - 1), st.integers(1, 300), st.integers(3, 30))
def test_an_even_clock_over_midnights_is_even(start, step, frames):
    minutes = [start + step * number for number in range(frames)]
    found, seconds = frame_numbers([f"{minute // 60 % 24:02d}:{minute % 60:02d}" for minute in minutes])
    assert found == pytest.approx(list(range(frames))) and seconds == 60 * step and not uneven_steps(found)
