"""Average what a network says of several views of one picture."""

import torch


def averaged(scores, temperature=1.0):
    """Average the scores of several views of each picture to probabilities: their geometric mean, scaled to sum to 1.

    scores: tensor (views, images, stages). temperature: divides the mean log-probabilities, see `fitted_temperature`.
    Returns a float64 tensor (images, stages). The mean of log-probabilities gives each view the same weight. It is the
    log-linear opinion pool (Genest and Zidek, Statistical Science 1, 1986).
    """
    return torch.softmax(torch.log_softmax(scores.double(), dim=-1).mean(dim=0) / temperature, dim=-1)
