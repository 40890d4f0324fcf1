"""Test the reading of movies in time: most probable path, times that never fall, and rate."""

from itertools import combinations_with_replacement

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from flystage.prediction.time_path import best_path, time_course

PLACES = np.arange(51, 200, 9.0)


def shares(frames, stages):
    """Return a strategy for probabilities, array (frames, stages), some nearly zero."""
    weights = arrays(float, (frames, stages), elements=st.floats(0, 1))
    return weights.map(lambda rows: (rows + 1e-9) / (rows + 1e-9).sum(axis=1, keepdims=True))


def movie(rate, frames=17, noise=0.0, seed=1, spread=8.0, start=51):
    """Return probabilities and true times of a movie with `rate` per frame."""
    times = np.minimum(start + rate * np.arange(frames), PLACES[-1])
    seen = times + np.random.default_rng(seed).normal(0, noise, frames)
    weights = np.exp(-((PLACES - seen[:, None]) ** 2) / (2 * spread**2))
    return weights / weights.sum(axis=1, keepdims=True), times


def log_of(weights):
    with np.errstate(divide="ignore"):
        return np.log(weights)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_path_is_the_most_probable_of_all_that_never_go_back(data):
    frames, states = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 4))
    says = log_of(data.draw(shares(frames, states)))
    steps = [log_of(np.triu(data.draw(shares(states, states)))) for _ in range(frames - 1)]

    def worth(path):
        return says[0, path[0]] + sum(
            step[one, other] + here[other]
            for step, one, other, here in zip(steps, path, path[1:], says[1:], strict=False)
        )

    found = best_path(says, steps)
    assert (np.diff(found) >= 0).all()
    every = [worth(path) for path in combinations_with_replacement(range(states), frames)]
    assert worth(tuple(found)) == pytest.approx(max(every))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_stages_and_times_never_go_back(data):
    frames = data.draw(st.integers(2, 12))
    probabilities = data.draw(shares(frames, 5))
    places = np.cumsum(data.draw(st.lists(st.floats(0.5, 50), min_size=5, max_size=5)))
    numbers = np.cumsum(data.draw(st.lists(st.integers(1, 9), min_size=frames, max_size=frames)))
    course = time_course(probabilities, numbers, places)
    assert (np.diff(course.stages) >= 0).all() and (np.diff(course.times) >= 0).all()
    assert places[0] - 1e-6 <= course.times[0] and course.times[-1] <= places[-1] + 1e-6
    assert course.interval[0] <= course.rate <= course.interval[1]


@pytest.mark.parametrize("rate", [3, 9])
def test_estimated_rate_is_close_to_the_true_rate(rate):
    course = time_course(
        movie(rate, frames=17 if rate == 9 else 48, noise=4)[0], np.arange(17 if rate == 9 else 48), PLACES
    )
    low, high = course.interval
    assert low < rate < high and course.rate == pytest.approx(rate, rel=0.25)


def test_rate_accounts_for_gaps_between_frames():
    probabilities, _ = movie(9)
    assert time_course(probabilities, 10 * np.arange(17), PLACES).rate == pytest.approx(
        time_course(probabilities, np.arange(17), PLACES).rate / 10, rel=1e-6
    )


def test_reading_in_time_is_better_than_single_frames():
    errors = []
    for seed in range(8):
        probabilities, times = movie(9, noise=9, seed=seed)
        course = time_course(probabilities, np.arange(17), PLACES)
        errors.append((abs(probabilities @ PLACES - times).mean(), abs(course.times - times).mean()))
    alone, together = np.mean(errors, axis=0)
    assert together < 0.8 * alone


def test_one_dirty_frame_makes_no_path_impossible():
    probabilities, times = movie(9)
    probabilities[8] = np.eye(17)[0]
    course = time_course(probabilities, np.arange(17), PLACES)
    assert abs(course.times - times).max() < 9


def test_usual_rate_stabilises_the_estimate():
    probabilities, _ = movie(9, frames=4, spread=30, start=90)
    free = time_course(probabilities, np.arange(4), PLACES)
    held = time_course(probabilities, np.arange(4), PLACES, usual=9.0)
    assert (
        abs(np.log(held.rate / 9)) < 0.2 and held.interval[1] - held.interval[0] < free.interval[1] - free.interval[0]
    )


def test_unequal_gaps_between_stages_count_as_time():
    places = np.array([0.0, 1, 2, 20, 21, 22])
    times = np.arange(23.0)
    weights = np.exp(-((places - times[:, None]) ** 2) / 2)
    course = time_course(weights / weights.sum(axis=1, keepdims=True), times, places)
    assert course.rate == pytest.approx(1, rel=0.3)
    assert course.times[10] == pytest.approx(10, abs=3)  # far from every stage
