"""A plain training script: ImageFolder, DataLoader, a frozen backbone, and forward passes in every epoch.

python plain_script.py FOLDER WEIGHTS BATCH: PNGs in train/ and val/ by stage, a backbone as the workflow writes it, images.
Print the seconds of an epoch and the validation accuracy.
"""

import sys
import time

import torch
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.transforms.functional import pil_to_tensor

from flystage.network.backbones import loaded_backbone
from flystage.network.weights import load_weights

folder, weights, batch = sys.argv[1], sys.argv[2], int(sys.argv[3])
network = loaded_backbone(load_weights(weights)).eval()


def grey(picture):
    return pil_to_tensor(picture)[0]


train, val = (
    DataLoader(ImageFolder(f"{folder}/{split}", grey, allow_empty=True), batch, shuffle=split == "train", num_workers=2)
    for split in ("train", "val")
)
classes = len(train.dataset.classes)
head = torch.nn.Sequential(
    torch.nn.LazyLinear(512), torch.nn.GELU(), torch.nn.Linear(512, 128), torch.nn.GELU(), torch.nn.Linear(128, classes)
)
with torch.no_grad():
    head(network(torch.zeros((1, *train.dataset[0][0].shape), dtype=torch.uint8)))
optimiser = torch.optim.AdamW(head.parameters(), lr=1e-3)
for _ in range(2):
    start = time.perf_counter()
    for pictures, labels in train:
        with torch.no_grad():
            vectors = network(pictures)
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(head(vectors), labels).backward()
        optimiser.step()
    with torch.inference_mode():
        hits = sum((head(network(pictures)).argmax(1) == labels).sum().item() for pictures, labels in val)
    print(time.perf_counter() - start, hits / len(val.dataset), flush=True)
