"""Read the frames of one movie together: stages never go back in time, and the rate of development is estimated.

This is a hidden Markov model (Rabiner, Proceedings of the IEEE 77, 1989). Each gap between neighbouring stages has
STEPS states. An embryo stays in each state for a random time, whose mean follows from the rate. This is a pure birth
process, so no path goes back, and the rate holds on average also for unequal gaps and frames. The likelihood of a
state between two stages is interpolated between their probabilities. The stages are those of the most probable path
(Viterbi, IEEE Transactions on Information Theory 13, 1967). The times are the mean over all paths, from the
forward-backward recursion.
"""

import math
from typing import NamedTuple

import numpy as np

STEPS = 4  # parts of each gap between two stages
RATES = 41  # rates to try, from 0.01 to 4 times the rate that passes through all stages in one movie
USUAL = 1.3  # typical factor between a rate and the usual one (one standard deviation of its logarithm)
LEAST = 1e-4  # lowest likelihood of a state, so that one dirty frame makes no path impossible
# The interval has all rates whose log-likelihood is this close to the best: half the 95 % quantile of chi-squared.
LIKELY = 1.92


class TimeCourse(NamedTuple):
    """A movie that was read in time, with one entry per frame.

    stages: places of the stages, int array (frames,), never falling. times: expected times in the unit of
    `Stages.places`, float array (frames,), never falling. rate: time per frame in that unit. interval: (lowest,
    highest) of the rates that are nearly as likely. start: expected time of the first frame, and start_interval: its central
    95 %, over the rates that are nearly as likely, in that unit.
    """

    stages: np.ndarray
    times: np.ndarray
    rate: float
    interval: tuple[float, float]
    start: float = math.nan
    start_interval: tuple[float, float] = (math.nan, math.nan)


def time_course(probabilities, frames, places, usual=None):
    """Read a movie in time and return a TimeCourse.

    probabilities: calibrated, array (frames, stages). frames: rising frame numbers. places: of the stages, array, see
    `Stages.places`. usual: usual rate of movies, which stabilises the estimate, or None.
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
    times = np.maximum.accumulate(_posterior(says, transitions) @ positions)
    likely = likelihoods >= likelihoods.max() - LIKELY
    start = _start(says, gaps, positions, steps, near, np.exp(likelihoods[likely] - likelihoods.max()))
    interval = (float(near[0]), float(near[-1]))
    return TimeCourse(stage_of[path], times, float(rate), interval, float(times[0]), start)


def _start(says, gaps, positions, steps, rates, weights):
    """Return (low, high) of the central 95 % of the time of the first frame. weights: of the rates, by likelihood."""
    firsts = [_posterior(says, _transitions(gaps, rate * steps))[0] for rate in rates]
    reached = np.cumsum(np.average(firsts, axis=0, weights=weights))
    low, high = (int(np.searchsorted(reached, share)) for share in (0.025, 0.975))
    return float(positions[low]), float(positions[min(high, len(positions) - 1)])


def best_path(says, transitions):
    """Return the most probable path, int array (frames,). Of equally probable paths, take the one that ends earlier.

    says: log-likelihood of each state, array (frames, states). transitions: log-probabilities of going from state to
    state, one array (states, states) for each step between frames.
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
    """Return the position of each state, its distance to the next, and its nearest stage (the earlier of two)."""
    between = np.linspace(0, len(places) - 1, STEPS * (len(places) - 1) + 1)
    positions = np.interp(between, np.arange(len(places)), places)
    gaps = np.diff(positions)
    return positions, np.maximum(gaps, 1e-3 * gaps.max()), np.ceil(between - 0.5 - 1e-9).astype(int)


def _log_of_states(probabilities, states):
    """Return the log-likelihood of each state, array (frames, states), interpolated between neighbouring stages."""
    stages = probabilities.shape[1]
    between = np.linspace(0, stages - 1, states)
    shares = np.stack([np.interp(between, np.arange(stages), stage) for stage in np.eye(stages)])
    return np.log(np.maximum(probabilities @ shares, LEAST))


def _transitions(gaps, advances):
    """Return one array (states, states) of transition probabilities for each advance (rate times frames)."""
    from scipy.linalg import expm

    leaving = np.append(1 / gaps, 0)
    generator = np.diag(leaving[:-1], 1) - np.diag(leaving)
    known = {advance: np.triu(np.maximum(expm(generator * advance), 0)) for advance in np.unique(advances)}
    return [known[advance] for advance in advances]


def _forward(says, transitions):
    """Return each state's probability given the frames so far, array (frames, states), and the total log-likelihood."""
    weights = np.exp(says - says.max(axis=1, keepdims=True))
    state, likelihood, states = np.full(says.shape[1], 1 / says.shape[1]), 0.0, []
    for place, weight in enumerate(weights):
        state = (state @ transitions[place - 1] if place else state) * weight
        likelihood += np.log(state.sum())
        state = state / state.sum()
        states.append(state)
    return np.array(states), likelihood


def _posterior(says, transitions):
    """Return the probability of each state given all frames, array (frames, states)."""
    forward, _ = _forward(says, transitions)
    weights = np.exp(says - says.max(axis=1, keepdims=True))
    behind, posterior = np.ones(says.shape[1]), [forward[-1]]
    for place in range(len(says) - 2, -1, -1):
        behind = transitions[place] @ (behind * weights[place + 1])
        behind = behind / behind.max()
        state = forward[place] * behind
        posterior.append(state / state.sum())
    return np.array(posterior[::-1])
