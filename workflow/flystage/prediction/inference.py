"""From PNGs to the probability of each stage, with a checkpoint and nothing else."""

import torch

from flystage.network.checkpoint import backbone_of, head_of
from flystage.network.features import feature_vectors


def stage_probabilities(checkpoint, pngs, cache_folder, threads):
    """Probability of each stage, float64 array (len(pngs), stages), columns in class order.

    checkpoint: as `load_checkpoint` gives it. cache_folder, threads: see `feature_vectors`.
    """
    vectors = feature_vectors(pngs, backbone_of(checkpoint), cache_folder, threads)
    with torch.inference_mode():
        scores = head_of(checkpoint)(torch.from_numpy(vectors))
        return torch.softmax(scores.double(), dim=1).numpy()
