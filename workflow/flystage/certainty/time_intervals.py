"""How far the expected time may be from the truth, for an image of an embryo that was never seen.

Hierarchical conformal prediction as in `prediction_sets`, of the distance between expected and true time in the place of the
probability: one width for all images of a checkpoint.
"""

import numpy as np

from flystage.certainty.prediction_sets import promised_level, share_within_limits_of_others, upper_limit


def time_intervals(probabilities, stages, labels, embryos, asked):
    """What is promised, and what intervals hold, as plain values; None where stages have no times, or of one embryo.

    probabilities: out-of-fold, calibrated, array (images, stages). stages: the Stages. labels: of the true stages. embryos: of each
    image. asked: the probability. "reach" is added and subtracted, in the stages' unit. "covered" is of each embryo with the
    reach of the others.
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
    """(lowest, highest) time of each image, float arrays: within `reach` of the expected one, and within the stages' times."""
    first, last = min(stages.times), max(stages.times)
    return np.maximum(times - reach, first), np.minimum(times + reach, last)
