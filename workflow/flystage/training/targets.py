"""Compute the target distributions over stages for training."""

import torch


def target_distributions(stages, loss, spread):
    """Return the target distribution for each true stage: float32 tensor (stages, stages), rows summing to 1.

    stages: the Stages. loss: with "cross_entropy", all weight is on the true stage. With "ordered", a stage at
    distance d has the weight exp(-d^2 / (2 spread^2)), where d is in steps between neighbouring stages. These are soft
    ordinal labels as in Diaz and Marathe, CVPR 2019, but with squared distance. Stages without times are one step
    apart. Without an order, "ordered" is the same as "cross_entropy".
    """
    if loss == "cross_entropy" or stages.places is None:
        return torch.eye(len(stages))
    places = torch.tensor(stages.places, dtype=torch.float32)
    step = places.sort().values.diff().median().clamp_min(1e-6)
    distance = (places[:, None] - places[None, :]) / step
    return torch.softmax(-(distance**2) / (2 * spread**2), dim=1)
