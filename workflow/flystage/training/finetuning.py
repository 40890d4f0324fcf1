"""Fine-tune the whole network, backbone and head, on pictures that are augmented differently in every epoch."""

import math

import torch

from flystage.network.backbones import loaded_backbone
from flystage.network.stager import Stager
from flystage.network.weights import backbone_id
from flystage.training.batches import PictureBatches
from flystage.training.loop import Training
from flystage.training.targets import target_distributions

BANDS = 10  # groups of layers, each with its own step size
WARM_UP = 0.05  # share of all steps in which the step sizes rise from almost 0


def finetune(backbone, head, train, val, stages, recipe, here, point=None):
    """Train backbone and head together. Return (backbone, head, history) of the best epoch.

    backbone: the dict from `load_weights`. head: a trained Head. train, val: (list of PNGs, int64 tensor of labels).
    stages: the Stages. recipe: see `Recipe`. Its learning rate is that of the head, see `parameter_groups`. here: see
    `Here`.
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
    """Return whether batch normalisation keeps the statistics of the starting weights.

    batch_norm: setting "fixed", "learned" or "auto". source: of the starting weights. With "auto", pretrained weights
    keep their statistics, because a batch of a few embryos gives poor estimates.
    """
    return batch_norm == "fixed" or (batch_norm == "auto" and source != "none")


def chosen_precision(precision, device):
    """Return "bf16" or "fp32" for the setting. With "auto", this is bf16 on GPUs that support it, else fp32."""
    if precision != "auto":
        return precision
    return "bf16" if device.type == "cuda" and torch.cuda.is_bf16_supported() else "fp32"


def parameter_groups(network, learning_rate, deepest, weight_decay):
    """Return the optimiser's parameter groups of a Stager.

    Step sizes fall geometrically from learning_rate in the head to learning_rate * deepest in the first layers. Biases
    and normalisation have no weight decay.
    """
    groups = {}
    parameters = list(network.backbone.named_parameters())
    for number, (_, parameter) in enumerate(parameters):
        band = BANDS - number * BANDS // len(parameters)  # the first layers are in band BANDS
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
    """Return the factor of the step sizes at `progress` (0 to 1) of the training.

    It rises linearly, then falls to 0 as half a cosine (Loshchilov and Hutter 2017, without restarts).
    """
    if progress < WARM_UP:
        return (progress + 1e-3) / (WARM_UP + 1e-3)
    return 0.5 * (1 + math.cos(math.pi * (progress - WARM_UP) / (1 - WARM_UP)))
