"""Write a package for the BioImage Model Zoo, from which Fiji, ilastik, QuPath and others load networks."""

import tempfile
from pathlib import Path

import cv2
import numpy as np

from flystage.core.files import written_whole
from flystage.export.onnx_stager import INPUT, OUTPUT
from flystage.network.checkpoint import stages_of

CALIBRATION = "https://arxiv.org/abs/1706.04599"


def write_package(checkpoint, graph, path):
    """Write the ONNX graph of a checkpoint as a zipped package in the format of bioimageio.spec, with a test picture.

    checkpoint: the dict from `load_checkpoint`. graph: path of its file from `write_onnx`. The test picture is drawn,
    so that no picture of the laboratory leaves it. The package names no authors and no licence. Its publisher adds
    them.
    """
    import onnx
    import onnxruntime
    from bioimageio.spec import save_bioimageio_package
    from bioimageio.spec.model.v0_5 import (
        BatchAxis,
        ChannelAxis,
        CiteEntry,
        FileDescr,
        InputTensorDescr,
        IntervalOrRatioDataDescr,
        ModelDescr,
        OnnxWeightsDescr,
        OutputTensorDescr,
        SpaceInputAxis,
        WeightsDescr,
    )

    size, stages = checkpoint["image"]["size"], stages_of(checkpoint)
    picture = drawn_picture(size)
    session = onnxruntime.InferenceSession(str(graph), providers=["CPUExecutionProvider"])
    (answer,) = session.run(None, {INPUT: picture[None]})
    opset = onnx.load(graph, load_external_data=False).opset_import[0].version
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        files = {name: folder / name for name in ("input.npy", "output.npy", "cover.png", "README.md")}
        np.save(files["input.npy"], picture[None])
        np.save(files["output.npy"], answer)
        cv2.imwrite(str(files["cover.png"]), picture)
        files["README.md"].write_text(documentation(checkpoint), encoding="utf-8")
        model = ModelDescr(
            name=f"flystage ({len(stages)} stages)",
            description="Suggests the developmental stage of an embryo.",
            covers=[FileDescr(source=files["cover.png"])],
            documentation=FileDescr(source=files["README.md"]),
            cite=[CiteEntry(text="Guo et al., On Calibration of Modern Neural Networks, ICML 2017", url=CALIBRATION)],
            tags=["classification", "embryo", "developmental-stage", "2d"],
            inputs=[
                InputTensorDescr(
                    id=INPUT,
                    description="pictures as flystage prepares them: 8-bit grey, square",
                    axes=[BatchAxis(), SpaceInputAxis(id="y", size=size), SpaceInputAxis(id="x", size=size)],
                    test_tensor=FileDescr(source=files["input.npy"]),
                    data=IntervalOrRatioDataDescr(type="uint8", range=(0, 255)),
                )
            ],
            outputs=[
                OutputTensorDescr(
                    id=OUTPUT,
                    description="calibrated probability of each stage",
                    axes=[BatchAxis(), ChannelAxis(channel_names=list(stages.names))],
                    test_tensor=FileDescr(source=files["output.npy"]),
                    data=IntervalOrRatioDataDescr(type="float32", range=(0, 1)),
                )
            ],
            weights=WeightsDescr(onnx=OnnxWeightsDescr(source=Path(graph).resolve(), opset_version=opset)),
        )
        with written_whole(path) as temporary:
            save_bioimageio_package(model, output_path=temporary)


def drawn_picture(size):
    """Draw the same embryo each time, with a bright shell and a dim middle, uint8 array (size, size)."""
    picture = np.zeros((size, size), np.uint8)
    middle, axes = (size // 2, size // 2), (round(0.4 * size), round(0.15 * size))
    cv2.ellipse(picture, middle, axes, 0, 0, 360, 60, -1)
    cv2.ellipse(picture, middle, axes, 0, 0, 360, 180, max(1, size // 30))
    return picture


def documentation(checkpoint):
    """Return the README of the package as Markdown: what the network answers, and how to prepare a picture for it."""
    stages, image, sets = stages_of(checkpoint), checkpoint["image"], checkpoint["calibration"]["sets"]
    unit = f" ({stages.unit})" if stages.times else ""
    scaling, backbone, size = image["normalize"], checkpoint["backbone"], f"{image['size']} x {image['size']}"
    how = (
        f"multiply them by {scaling['factor']:g} and set values above 255 to 255"
        if scaling["method"] == "multiply"
        else "stretch them so that the lowest and highest percentiles of the picture become 0 and 255"
    )
    paragraphs = [
        "# flystage",
        f"This network ({backbone['name']}, licence of its starting weights: {backbone['licence'] or 'not known'}) suggests one of"
        f" {len(stages)} stages{unit}: {', '.join(stages.names)}.",
        checkpoint["training"].get("note", ""),
        "It assigns one of these stages to every picture, even to one without an embryo.",
        "## Preparing a picture",
        f"The network takes pictures of {size} pixels with 8 bits and one channel. Put the whole raw picture into the middle of a black"
        " square. The side of the square is the picture's diagonal, unless the settings below name a fixed field. Average the square down"
        f" to that size. Bring the grey values to 0 to 255 as floating-point numbers: {how}. Round once, at the end.",
        f"All settings: `{image}`.",
        "## Validation",
        "The report of the training run shows how often the network is right, with chance and with intervals over embryos. These embryos"
        " were not used for training, but came from the same microscope and were prepared in this way. Before you trust the network on"
        " other images, compare some of its answers with your own labels.",
        "## Answer",
        "One probability for each stage, in the order above. They sum to 1, and are calibrated if the run was cross-validated.",
        sets
        and f"The prediction set has the stages with a probability of {sets['threshold']:.3g} or more, and always the most probable one."
        f" It contains the true stage for {100 * sets['promised']:.0f} % of the images of a new embryo.",
    ]
    return "\n\n".join(filter(None, paragraphs)) + "\n"
