"""Stages of the frames of one movie, read together: they never go back, and advance at a rate that is estimated.

A hidden Markov model (Rabiner, Proceedings of the IEEE 77, 1989). Each gap between two neighbouring stages is cut into STEPS parts,
and an embryo stays in each for a random while, of the mean that its rate says: a pure birth process, so no path goes back and the rate
holds on average, however unequal the gaps and the frames. What a frame says of a state between two stages is interpolated between
their probabilities. The stages are those of the most probable path (Viterbi, IEEE Transactions on Information Theory 13, 1967),
times the mean over all paths, by the forward-backward recursion.
"""

from typing import NamedTuple

import numpy as np

STEPS = 4  # parts of each gap between two stages
RATES = 41  # that are tried, from a hundredth of what would take the movie through all stages to four times that
USUAL = 1.3  # factor by which a rate differs from the usual one (one standard deviation of its logarithm)
LEAST = 1e-4  # what a stage has of a frame's probability at least: one frame of dirt forbids no path
# Rates whose log-likelihood is at most so much below the best are in the interval: half the 95 % quantile of a chi-squared.
LIKELY = 1.92


class TimeCourse(NamedTuple):
    """A movie as read in time, one entry for each frame.

    stages: places of the stages, int array, never falling. times: expected times, float array, in the unit of `Stages.places`, never
    falling. rate, interval: what is gained from one frame to the next, in that unit, and (lowest, highest) of what is nearly as likely.
    """

    stages: np.ndarray
    times: np.ndarray
    rate: float
    interval: tuple[float, float]


def time_course(probabilities, frames, places, usual=None):
    """Read a movie in time. Returns a TimeCourse.

    probabilities: calibrated, array (frames, stages). frames: number of each, rising. places: of the stages, array, see
    `Stages.places`. usual: the rate that movies have, by which the estimate is held, or None.
    """
    positions, gaps, stage_of = _states(np.asarray(places, dtype=float))
    says = _log_of_states(np.asarray(probabilities), len(positions))
    steps = np.diff(frames)
    span = max(float(np.sum(steps)), 1.0)
    rates = np.geomspace(0.01, 4, RATES) * (positions[-1] - positions[0]) / span
    if usual:
        rates = np.sort(np.append(rates, usual))
    likelihoods = np.array([_forward(says, _transitions(gaps, rate * steps))[1] for rate in rates])
    if usual:
        likelihoods -= (np.log(rates / usual) / np.log(USUAL)) ** 2 / 2
    rate, near = rates[likelihoods.argmax()], rates[likelihoods >= likelihoods.max() - LIKELY]
    transitions = _transitions(gaps, rate * steps)
    with np.errstate(divide="ignore"):
        path = best_path(says, [np.log(transition) for transition in transitions])
    times = _posterior(says, transitions) @ positions
    return TimeCourse(stage_of[path], np.maximum.accumulate(times), float(rate), (float(near[0]), float(near[-1])))


def best_path(says, transitions):
    """The most probable path, int array (frames,).

    says: log-likelihood of each state for each frame, array (frames, states). transitions: for each step from a frame to the next the
    log-probabilities of going from state to state, array (states, states). Of equal paths the one that is earlier at the end.
    """
    score, came_from = says[0], []
    for here, transition in zip(says[1:], transitions, strict=True):
        through = score[:, None] + transition
        came_from.append(through.argmax(axis=0))
        score = through.max(axis=0) + here
    path = [int(score.argmax())]
    for before in reversed(came_from):
        path.append(int(before[path[-1]]))
    return np.array(path[::-1])


def _states(places):
    """(position of each state, distance to the next, place of the stage nearest to it, of two the earlier)."""
    between = np.linspace(0, len(places) - 1, STEPS * (len(places) - 1) + 1)
    positions = np.interp(between, np.arange(len(places)), places)
    gaps = np.diff(positions)
    return positions, np.maximum(gaps, 1e-3 * gaps.max()), np.ceil(between - 0.5 - 1e-9).astype(int)


def _log_of_states(probabilities, states):
    """Between two stages a state has of the probability of each what it is near to it."""
    stages = probabilities.shape[1]
    between = np.linspace(0, stages - 1, states)
    shares = np.stack([np.interp(between, np.arange(stages), stage) for stage in np.eye(stages)])
    return np.log(np.maximum(probabilities @ shares, LEAST))


def _transitions(gaps, advances):
    """For each advance (rate times frames) the probability of going from state to state, array (states, states)."""
    from scipy.linalg import expm

    leaving = np.append(1 / gaps, 0)
    generator = np.diag(leaving[:-1], 1) - np.diag(leaving)
    known = {advance: np.triu(np.maximum(expm(generator * advance), 0)) for advance in np.unique(advances)}
    return [known[advance] for advance in advances]


def _forward(says, transitions):
    """(probability of each state given the frames up to each, array (frames, states); log-likelihood of all)."""
    weights = np.exp(says - says.max(axis=1, keepdims=True))
    state, likelihood, states = np.full(says.shape[1], 1 / says.shape[1]), 0.0, []
    for place, weight in enumerate(weights):
        state = (state @ transitions[place - 1] if place else state) * weight
        likelihood += np.log(state.sum())
        state = state / state.sum()
        states.append(state)
    return np.array(states), likelihood


def _posterior(says, transitions):
    """Probability of each state given all frames, array (frames, states)."""
    forward, _ = _forward(says, transitions)
    weights = np.exp(says - says.max(axis=1, keepdims=True))
    behind, posterior = np.ones(says.shape[1]), [forward[-1]]
    for place in range(len(says) - 2, -1, -1):
        behind = transitions[place] @ (behind * weights[place + 1])
        behind = behind / behind.max()
        state = forward[place] * behind
        posterior.append(state / state.sum())
    return np.array(posterior[::-1])
