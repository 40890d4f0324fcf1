"""Test that numbers, dates and times are shown as the reader of a sheet sees them."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flystage.raw.number_formats import shown_day, shown_number, shown_time


@pytest.mark.parametrize(
    ("value", "number_format", "shown"),
    [
        (51, "000", "051"),
        (51, "General", "51"),
        (60.0, "General", "60"),
        (4.7, '0.0"hpf"', "4.7hpf"),
        (4.65, '0.0"hpf"', "4.7hpf"),
        (2, '0" dpf"', "2 dpf"),
        (2, "0.0", "2.0"),
        (3, "0.##", "3."),
        (3.5, "0.0#", "3.5"),
        (0.3, "0%", "30%"),
        (0.055, "0.0%", "5.5%"),
        (1234, "#,##0", "1,234"),
        (-15, '0" min"', "-15 min"),
        (-5, "0;(0)", "(5)"),
        (0, '0;-0;"none"', "none"),
        (5, "[Red]00", "05"),
        (5, "[$-409]000;@", "005"),
        (7, '"stage "0', "stage 7"),
        (5, '"a;b"0', "a;b5"),
        (12, '0 "min"_)', "12 min"),
        (0.1 + 0.2, "General", "0.3"),
        (5, "0.00E+00", "5"),
        (5, "# ?/?", "5"),
        (5, "[>3]0;00", "5"),
        (10**22, "0.0000000", "1" + "0" * 22 + ".0000000"),
    ],
)
def test_a_number_is_shown_in_its_format(value, number_format, shown):
    assert shown_number(value, number_format) == shown


@given(st.integers(-(10**12), 10**12) | st.floats(-1e9, 1e9), st.text('0#?.,;%"\\[]E@ hdm', max_size=12))
def test_no_format_is_an_error(value, number_format):
    assert shown_number(value, number_format)


@given(st.integers(0, 999))
def test_zeros_of_a_format_are_kept(number):
    assert shown_number(number, "000") == f"{number:03d}"


@pytest.mark.parametrize(
    ("number_format", "shown"),
    [
        ("d-m", "3-12"), ("m-d", "12-3"), ("dd/mm", "03/12"), ("d\\-m", "3-12"), ('d"-"m;@', "3-12"),
        ("d-mmm", None), ("mm-dd-yy", None), ("yyyy-mm-dd", None), ("h:mm", None),
    ],
)  # fmt: skip
def test_a_date_is_a_name_only_if_it_is_shown_as_two_numbers(number_format, shown):
    assert shown_day(datetime.datetime(2026, 12, 3), number_format) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (datetime.time(14, 30), "14:30"),
        (datetime.time(1, 2, 3), "1:02:03"),
        (datetime.timedelta(hours=30), "30:00"),
        (datetime.timedelta(seconds=-90), "-0:01:30"),
    ],
)
def test_a_time_is_shown_in_hours_and_minutes(value, shown):
    assert shown_time(value) == shown
