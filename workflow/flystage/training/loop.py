"""Train a network on vectors or pictures, on CPU or GPU, in one or several processes."""

import copy
import logging
import math

import torch
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from flystage.training.processes import Here

log = logging.getLogger("flystage")


class Training:
    """The training of one network, which ends at its best epoch.

    network: takes inputs (images, ...) and returns scores (images, stages). It is already on here.device. optimiser:
    of its parameters. targets: see `target_distributions`. recipe: sets the largest number of epochs, the patience
    (epochs without a lower validation loss before training stops) and the seed of dropout. here: see `Here`.
    schedule: None, or a function from progress (0 to 1) to a factor of every step size. precision: "fp32" or "bf16".
    keep_statistics: whether batch normalisation keeps its statistics. average: decay of the running mean of the
    weights, which is validated and kept instead of the weights (Polyak and Juditsky 1992). 0 means no running mean.
    """

    def __init__(
        self, network, optimiser, targets, recipe, here=Here(),  # noqa: B008  (immutable)
        *, schedule=None, precision="fp32", keep_statistics=False, average=0.0,
    ):  # fmt: skip
        self.network, self.optimiser, self.here = network, optimiser, here
        self.targets = targets.to(here.device)
        self.epochs, self.patience, self.seed = recipe.epochs, recipe.train["patience"], recipe.train["seed"]
        self.schedule, self.precision, self.keep_statistics = schedule, precision, keep_statistics
        self.average = (
            AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(average), use_buffers=True) if average else None
        )
        self.together = here.together(network)
        self.step_sizes = [group["lr"] for group in optimiser.param_groups]
        self.history, self.best_loss, self.best_epoch, self.best_state = [], math.inf, 0, None

    def run(self, batches, validation, point=None):
        """Train. Return the history, one dict per epoch: epoch, train_loss, val_loss, val_top1.

        batches, validation: objects whose epoch(number) yields (inputs, labels, counted, total). point: see
        `ResumePoint`. A training that resumes from it gives the same result as one without interruption.
        The validation loss is always the cross-entropy of the true stage, so that it is comparable between training
        losses. If no epoch has a finite validation loss, the network stays as after the last epoch, see
        `check_converged`. With validation None, all epochs are trained, the last is kept, and the history has no
        val_loss and val_top1.
        """
        if point:
            point.restore(self)
        todo = range(len(self.history) + 1, self.epochs + 1)
        for epoch in tqdm(todo, unit="epoch", disable=self._quiet(), leave=False):
            if validation is not None and epoch - 1 - self.best_epoch >= self.patience:
                break
            train_loss = self._train_epoch(epoch, batches)
            self.history.append({"epoch": epoch, "train_loss": train_loss})
            if validation is not None:
                self._validate(epoch, validation)
            if self.here.rank == 0:
                losses = {name: value for name, value in self.history[-1].items() if name != "epoch"}
                if validation is not None:
                    losses["best_val_loss"] = self.best_loss
                log.info("epoch %d %s", epoch, " ".join(f"{name}={value:.5g}" for name, value in losses.items()))
            if point:
                point.keep(self)
        if self.best_state is not None:
            self.network.load_state_dict(self.best_state)
        return self.history

    def _validate(self, epoch, validation):
        val_loss, val_top1 = validate(self._kept(), validation.epoch(epoch), self.here, self.precision)
        self.history[-1] |= {"val_loss": val_loss, "val_top1": val_top1}
        if val_loss < self.best_loss:
            self.best_loss, self.best_epoch = val_loss, epoch
            self.best_state = copy.deepcopy(self._kept().state_dict())

    def _quiet(self):
        return None if self.here.rank == 0 else True  # None shows progress only on a terminal

    def _kept(self):
        """Return the network that is validated and kept."""
        return self.average.module if self.average else self.network

    def _train_epoch(self, epoch, batches):
        self.network.train()
        if self.keep_statistics:
            for module in self.network.modules():
                if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
                    module.eval()
        torch.manual_seed((self.seed * 100_003 + epoch) * 1_009 + self.here.rank)
        loss_sum = images = 0
        for step, (inputs, labels, counted, total) in enumerate(batches.epoch(epoch)):
            if self.schedule:
                factor = self.schedule((epoch - 1 + step / len(batches)) / self.epochs)
                for group, size in zip(self.optimiser.param_groups, self.step_sizes, strict=True):
                    group["lr"] = size * factor
            inputs, labels, counted = (
                part.to(self.here.device, non_blocking=True) for part in (inputs, labels, counted)
            )
            with _precision(self.precision, self.here):
                scores = self.together(inputs)
            losses = functional.cross_entropy(scores.float(), self.targets[labels], reduction="none")
            # Processes average their gradients. The factor gives each image of the whole batch the same weight.
            loss = (losses * counted).sum() * (self.here.world / total)
            self.optimiser.zero_grad()
            loss.backward()
            self.optimiser.step()
            if self.average:
                self.average.update_parameters(self.network)
            loss_sum, images = loss_sum + loss.detach() * (total / self.here.world), images + counted.sum()
        loss_sum, images = self.here.summed(loss_sum, images)
        return loss_sum / images


@torch.inference_mode()
def validate(network, batches, here=Here(), precision="fp32"):  # noqa: B008  (immutable)
    """Return (cross-entropy per image, top-1 accuracy) of the network over (inputs, labels, counted, total) batches."""
    network.eval()
    loss = correct = images = 0
    for inputs, labels, counted, _ in batches:
        inputs, labels, counted = (part.to(here.device, non_blocking=True) for part in (inputs, labels, counted))
        with _precision(precision, here):
            scores = network(inputs)
        loss += (functional.cross_entropy(scores.float(), labels, reduction="none") * counted).sum()
        correct += ((scores.argmax(dim=1) == labels) * counted).sum()
        images += counted.sum()
    loss, correct, images = here.summed(loss, correct, images)
    return loss / images, correct / images


def _precision(precision, here):
    return torch.autocast(here.device.type, dtype=torch.bfloat16, enabled=precision == "bf16")
