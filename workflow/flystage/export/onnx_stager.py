"""Export a whole checkpoint as one ONNX graph, from a prepared picture to the calibrated probability of each stage."""

import json

import onnx
import torch
from torch import nn

from flystage.core.files import written_whole
from flystage.network.averaging import averaged
from flystage.network.backbones import loaded_backbone
from flystage.network.checkpoint import angles_of, backbone_of, head_of, stages_of
from flystage.network.features import turns_to_ask
from flystage.network.stager import Stager

INPUT, OUTPUT = "pictures", "probabilities"
IMAGES = torch.export.Dim("images", min=1)


class CalibratedStager(nn.Module):
    """The network of a checkpoint with its views and its temperature.

    checkpoint: the dict from `load_checkpoint`. views: number of rotations per picture, see `turns_to_ask`.
    """

    def __init__(self, checkpoint, views):
        super().__init__()
        self.stager = Stager(loaded_backbone(backbone_of(checkpoint)), head_of(checkpoint))
        self.turns = turns_to_ask(views, angles_of(checkpoint))
        self.temperature = checkpoint["calibration"]["temperature"]

    def forward(self, pictures):
        """uint8 tensor (images, size, size) -> float32 tensor (images, stages), each row summing to 1."""
        turned = torch.cat([torch.rot90(pictures, turn, (1, 2)) for turn in self.turns])
        scores = self.stager(turned).unflatten(0, (len(self.turns), -1))
        return averaged(scores, self.temperature).float()


def write_onnx(checkpoint, views, path):
    """Write the checkpoint as an ONNX graph that takes any number of pictures.

    checkpoint: the dict from `load_checkpoint`. views: see `CalibratedStager`. path: of the graph.
    The metadata of the graph explain its answers: stages, times and unit, the preparation of pictures, temperature,
    number of views, prediction sets, and the backbone with its licence. Values other than text are JSON.
    """
    size = checkpoint["image"]["size"]
    network = CalibratedStager(checkpoint, views).eval()
    with written_whole(path) as temporary:
        torch.onnx.export(
            network,
            (torch.zeros((2, size, size), dtype=torch.uint8),),
            str(temporary),
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes=({0: IMAGES},),
            external_data=False,
            verbose=False,
        )
        graph = onnx.load(temporary)
        _forget_code(graph)
        onnx.helper.set_model_props(graph, facts(checkpoint, len(network.turns)))
        onnx.save(graph, temporary)


def _forget_code(graph):
    """Remove what torch adds to each node, because it names the code's folders on this machine."""
    for part in (graph.graph, *graph.functions):
        values = (*part.value_info, *part.input, *part.output) if part is graph.graph else part.value_info
        for noted in (part, *part.node, *values):
            noted.ClearField("metadata_props")
            noted.ClearField("doc_string")


def facts(checkpoint, views):
    """Return the metadata of the graph, {name: text}. views: number of rotations per picture."""
    stages, backbone = stages_of(checkpoint), checkpoint["backbone"]
    plain = {
        "stages": stages.names,
        "times": stages.times,
        "unit": stages.unit,
        "preparation": checkpoint["image"],
        "temperature": checkpoint["calibration"]["temperature"],
        "sets": checkpoint["calibration"]["sets"],
        "views": views,
    }
    return {name: json.dumps(value) for name, value in plain.items()} | {
        "backbone": backbone["name"],
        "licence_of_the_weights": backbone["licence"],
        "note": checkpoint["training"].get("note", ""),
    }
