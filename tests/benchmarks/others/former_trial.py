"""A trial as in earlier versions of this workflow: one process per trial, all features, AdamW step by step.

python former_trial.py FEATURES MANIFESTS LEARNING_RATE BATCH EPOCHS PATIENCE: folders with train and val. Print the best loss.
"""

import sys

import numpy as np
import torch

from flystage.dataset.manifests import read_manifest
from flystage.network.stager import Head

features, manifests, rate, batch, epochs, patience = *sys.argv[1:3], float(sys.argv[3]), *map(int, sys.argv[4:])
torch.set_num_threads(1)
(train, labels), (val, answers) = (
    (
        torch.from_numpy(np.load(f"{features}/{split}.npy", mmap_mode="c")),
        torch.tensor(read_manifest(f"{manifests}/{split}.csv")["label"].to_numpy()),
    )
    for split in ("train", "val")
)
head = Head(train.shape[1], [512, 128], int(labels.max()) + 1, 0.3)
head.standardise_by(train)
optimiser = torch.optim.AdamW(head.parameters(), lr=rate, weight_decay=0.01)
best, best_epoch = float("inf"), 0
for epoch in range(epochs):
    head.train()
    for part in torch.randperm(len(train)).split(batch):
        loss = torch.nn.functional.cross_entropy(head(train[part]), labels[part])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    head.eval()
    with torch.inference_mode():
        loss = torch.nn.functional.cross_entropy(head(val), answers).item()
    if loss < best:
        best, best_epoch = loss, epoch
    elif epoch - best_epoch >= patience:
        break
print(best)
