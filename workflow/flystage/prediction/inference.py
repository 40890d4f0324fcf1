"""From PNGs to the probability of each stage, with a checkpoint and nothing else."""

import torch

from flystage.network.checkpoint import angles_of, backbone_of, head_of
from flystage.network.features import turns_to_ask, vectors_of_views
from flystage.network.stager import averaged


def stage_probabilities(checkpoint, pngs, cache_folder, threads, views):
    """Probability of each stage at the checkpoint's temperature, float64 array (len(pngs), stages), columns in class order.

    checkpoint: as `load_checkpoint` gives it. views: in how many each picture is asked about, see `turns_to_ask`. cache_folder,
    threads: see `feature_vectors`.
    """
    turns = turns_to_ask(views, angles_of(checkpoint))
    vectors = vectors_of_views(pngs, backbone_of(checkpoint), cache_folder, threads, turns)
    with torch.inference_mode():
        scores = head_of(checkpoint)(torch.from_numpy(vectors))
        return averaged(scores, checkpoint["calibration"]["temperature"]).numpy()
