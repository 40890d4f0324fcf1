"""What the network is taught to answer."""

import torch


def target_distributions(stages, loss, spread):
    """What the network is taught to answer for each true stage: float32 tensor (stages, stages), rows summing to 1.

    stages: the Stages. loss "cross_entropy": all weight on the true stage; "ordered": weight exp(-d^2 / (2 spread^2)) on a
    stage at distance d, in steps between neighbouring stages (soft ordinal labels as in Diaz and Marathe, CVPR 2019, with
    squared distance). Stages without times are one step apart; without an order, "ordered" is the same as "cross_entropy".
    """
    if loss == "cross_entropy" or stages.places is None:
        return torch.eye(len(stages))
    places = torch.tensor(stages.places, dtype=torch.float32)
    step = places.sort().values.diff().median().clamp_min(1e-6)
    distance = (places[:, None] - places[None, :]) / step
    return torch.softmax(-(distance**2) / (2 * spread**2), dim=1)
