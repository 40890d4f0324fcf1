"""Training the whole network, backbone and head, on pictures that change a little every time they are seen."""

import math

import torch

from flystage.network.backbones import loaded_backbone
from flystage.network.stager import Stager
from flystage.network.weights import backbone_id
from flystage.training.batches import PictureBatches
from flystage.training.loop import Training
from flystage.training.targets import target_distributions

BANDS = 10  # groups of layers with a step size each
WARM_UP = 0.05  # share of all steps in which the step sizes grow from nothing


def finetune(backbone, head, train, val, stages, recipe, here, point=None):
    """Train backbone and head together. Returns (backbone, head, history), all at the best epoch.

    backbone: as `fetch_weights` writes it. head: a trained Head. train, val: (list of PNGs, int64 tensor of labels).
    stages: the Stages. recipe: see `Recipe`; its learning rate is that of the head, see `parameter_groups`. here: see `Here`.
    point: see `ResumePoint`.
    """
    settings, finetuning = recipe.train, recipe.train["finetune"]
    network = Stager(loaded_backbone(backbone), head).to(here.device, memory_format=torch.channels_last)
    fixed = keeps_statistics(finetuning["batch_norm"], backbone["source"])
    if here.world > 1 and here.device.type == "cuda" and not fixed:
        network = torch.nn.SyncBatchNorm.convert_sync_batchnorm(network)
    if here.device.type == "cuda":
        torch.use_deterministic_algorithms(True, warn_only=True)
    training = Training(
        network,
        torch.optim.AdamW(
            parameter_groups(network, recipe.learning_rate, finetuning["deepest"], settings["weight_decay"])
        ),
        target_distributions(stages, settings["loss"], settings["spread"]),
        recipe,
        here,
        schedule=warm_up_and_cosine,
        precision=chosen_precision(finetuning["precision"], here.device),
        keep_statistics=fixed,
        average=finetuning["average"],
    )
    batches = PictureBatches(*train, recipe.batch_size, here, settings["seed"], finetuning["augment"])
    history = training.run(batches, PictureBatches(*val, recipe.batch_size, here), point)
    network = network.cpu()
    state = {key: value.contiguous() for key, value in network.backbone.state_dict().items()}
    return backbone | {"state": state, "id": backbone_id(backbone["name"], state)}, network.head, history


def keeps_statistics(batch_norm, source):
    """Whether batch normalisation keeps the statistics of the starting weights: setting "fixed", "learned" or "auto".

    auto: they are kept where there are any worth keeping, for a batch of a few embryos estimates them badly.
    """
    return batch_norm == "fixed" or (batch_norm == "auto" and source != "none")


def chosen_precision(precision, device):
    """ "bf16" or "fp32" for the setting; auto: bf16 on GPUs that have it, else fp32."""
    if precision != "auto":
        return precision
    return "bf16" if device.type == "cuda" and torch.cuda.is_bf16_supported() else "fp32"


def parameter_groups(network, learning_rate, deepest, weight_decay):
    """The optimiser's groups of a Stager: step sizes fall geometrically from learning_rate in the head to
    learning_rate * deepest in the first layers. Biases and normalisation do not decay.
    """
    groups = {}
    parameters = list(network.backbone.named_parameters())
    for number, (_, parameter) in enumerate(parameters):
        band = BANDS - number * BANDS // len(parameters)  # BANDS: the first layers
        groups.setdefault((band, parameter.ndim > 1), []).append(parameter)
    for parameter in network.head.parameters():
        groups.setdefault((0, parameter.ndim > 1), []).append(parameter)
    return [
        {
            "params": group,
            "lr": learning_rate * deepest ** (band / BANDS),
            "weight_decay": weight_decay if decays else 0.0,
        }
        for (band, decays), group in groups.items()
    ]


def warm_up_and_cosine(progress):
    """Factor of the step sizes at `progress` (0 to 1) of the training: a straight rise, then half a cosine to 0
    (Loshchilov and Hutter 2017, without restarts).
    """
    if progress < WARM_UP:
        return (progress + 1e-3) / (WARM_UP + 1e-3)
    return 0.5 * (1 + math.cos(math.pi * (progress - WARM_UP) / (1 - WARM_UP)))
