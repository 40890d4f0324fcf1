"""Compute intervals around the expected time that contain the true time, for an image of a new embryo.

This is hierarchical conformal prediction as in `prediction_sets`. It uses the distance between expected and true time
instead of the probability. All images of a checkpoint have the same width.
"""

import numpy as np

from flystage.certainty.prediction_sets import promised_level, share_within_limits_of_others, upper_limit


def time_intervals(probabilities, stages, labels, embryos, asked):
    """Return the promise and coverage of time intervals as plain values.

    None without times or with fewer than two embryos.
    probabilities: out-of-fold, calibrated, array (images, stages). stages: the Stages.
    labels: of the true stages, int array (images,). embryos: of each image. asked: requested probability. "reach" is
    half the width of an interval, in the unit of the stages. "covered" uses, for each embryo, the reach of the others.
    """
    names = np.unique(embryos)
    if stages.times is None or len(names) < 2:
        return None
    errors = np.abs(stages.expected_times(probabilities) - np.array(stages.times)[labels])
    return {
        "asked": asked,
        "promised": promised_level(asked, len(names)),
        "reach": upper_limit(errors, embryos, asked),
        "covered": share_within_limits_of_others(errors, embryos, asked),
        "embryos": len(names),
        "unit": stages.unit,
    }


def time_bounds(times, reach, stages):
    """Return the lowest and highest time of each image, float arrays.

    They are `reach` away from the expected time, but within the times of the stages.
    """
    first, last = min(stages.times), max(stages.times)
    return np.maximum(times - reach, first), np.minimum(times + reach, last)
