"""The training loop: one for trial and final, for vectors and (later) pictures."""

import copy
import logging
import math

import torch
from torch.nn import functional
from tqdm import tqdm

log = logging.getLogger("flystage")


class VectorBatches:
    """Feature vectors held in memory, handed out in batches, in an order that depends on seed and epoch alone.

    vectors: float32 tensor (images, features). labels: int64 tensor (images,). seed None: always in the given order.
    """

    def __init__(self, vectors, labels, batch_size, seed=None):
        self.vectors, self.labels, self.batch_size, self.seed = vectors, labels, batch_size, seed

    def epoch(self, number):
        """Yield (vectors, labels) batches of epoch `number`."""
        if self.seed is None:
            order = torch.arange(len(self.labels))
        else:
            order = torch.randperm(
                len(self.labels), generator=torch.Generator().manual_seed(self.seed * 100_003 + number)
            )
        for part in order.split(self.batch_size):
            yield self.vectors[part], self.labels[part]


def target_distributions(stages, minutes, loss, spread):
    """What the network is taught to answer for each true stage: float32 tensor (stages, stages), rows summing to 1.

    stages: names in class order. minutes: of each stage, or None where names hold no number. loss "cross_entropy": all
    weight on the true stage; "ordered": weight exp(-d^2 / (2 spread^2)) on a stage at distance d, in steps between
    neighbouring stages (soft ordinal labels as in Diaz and Marathe, CVPR 2019, with squared distance). Without minutes
    there is no order to use, and "ordered" is the same as "cross_entropy".
    """
    if loss == "cross_entropy" or minutes is None:
        return torch.eye(len(stages))
    times = torch.tensor(minutes, dtype=torch.float32)
    step = times.diff().median().clamp_min(1e-6)
    distance = (times[:, None] - times[None, :]) / step
    return torch.softmax(-(distance**2) / (2 * spread**2), dim=1)


def fit(network, batches, validation, targets, learning_rate, weight_decay, epochs, patience):
    """Train `network` in place and leave it at its best epoch.

    batches, validation: objects whose epoch(number) yields (inputs, labels). targets: see `target_distributions`.
    epochs: at most. patience: stop after so many epochs without a lower validation loss.
    Validation loss is the cross-entropy of the true stage, whatever the training loss, so losses can be compared.
    Returns the history, one dict per epoch: epoch, train_loss, val_loss, val_top1. Where no epoch had a finite
    validation loss the network is left as it is; see `check_converged`.
    """
    optimiser = torch.optim.AdamW(network.parameters(), lr=learning_rate, weight_decay=weight_decay)
    history, best_loss, best_epoch, best_state = [], math.inf, 0, None
    for epoch in tqdm(range(1, epochs + 1), unit="epoch", disable=None, leave=False):
        train_loss = _train_epoch(network, batches.epoch(epoch), targets, optimiser)
        val_loss, val_top1 = validate(network, validation.epoch(epoch))
        history.append({"epoch": epoch, "train_loss": train_loss, "val_loss": val_loss, "val_top1": val_top1})
        if val_loss < best_loss:
            best_loss, best_epoch, best_state = val_loss, epoch, copy.deepcopy(network.state_dict())
        log.info("epoch %d train_loss=%.5f val_loss=%.5f val_top1=%.4f best_val_loss=%.5f",
                 epoch, train_loss, val_loss, val_top1, best_loss)  # fmt: skip
        if epoch - best_epoch >= patience:
            break
    if best_state is not None:
        network.load_state_dict(best_state)
    return history


def _train_epoch(network, batches, targets, optimiser):
    network.train()
    total = images = 0
    for inputs, labels in batches:
        loss = functional.cross_entropy(network(inputs), targets[labels])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        total += loss.item() * len(labels)
        images += len(labels)
    return total / images


@torch.inference_mode()
def validate(network, batches):
    """(cross-entropy per image, top-1 accuracy) of the network over (inputs, labels) batches."""
    network.eval()
    loss = correct = images = 0
    for inputs, labels in batches:
        scores = network(inputs)
        loss += functional.cross_entropy(scores, labels, reduction="sum").item()
        correct += (scores.argmax(dim=1) == labels).sum().item()
        images += len(labels)
    return loss / images, correct / images
