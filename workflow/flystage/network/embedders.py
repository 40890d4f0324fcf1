"""Turn batches of pictures into vectors with a frozen backbone: with torch on a GPU, with ONNX Runtime on a CPU."""

import importlib.util
import logging
from contextlib import contextmanager

import numpy as np

from flystage.core.files import written_whole
from flystage.network.backbones import loaded_backbone
from flystage.network.weights import content_of

log = logging.getLogger("flystage")
PROVIDERS = ["CPUExecutionProvider"]


def kind_of_embedder():
    """Return "cuda" if torch sees a GPU, else "onnx" if ONNX Runtime is installed, else "torch".

    Their vectors agree to a few digits only, so the cache keeps them apart.
    """
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "onnx" if importlib.util.find_spec("onnxruntime") and importlib.util.find_spec("onnxscript") else "torch"


def embedder(kind, backbone, size, cache_folder, threads):
    """Return a callable: uint8 array (batch, size, size) -> float32 array (batch, features).

    Its attribute `batch` is the number of pictures per call. kind: see `kind_of_embedder`. backbone: as `fetch_weights` writes it.
    size: side of the pictures in pixels. cache_folder: keeps the backbone as an ONNX graph. threads: number of CPU threads.
    """
    if kind == "onnx":
        return OnnxEmbedder(backbone, size, cache_folder / f"{content_of(backbone)}-{size}.onnx", threads)
    return TorchEmbedder(backbone, kind, threads)


class TorchEmbedder:
    """Eager torch in single precision, without TF32 on GPUs, which costs three digits (see docs/speed.md)."""

    def __init__(self, backbone, device, threads):
        import torch

        self.torch, self.device = torch, torch.device("cuda" if device == "cuda" else "cpu")
        self.batch = 256 if device == "cuda" else 16
        if device != "cuda":
            torch.set_num_threads(threads)
        network = loaded_backbone(backbone).eval()
        self.network = network.to(self.device, memory_format=torch.channels_last)

    def __call__(self, pictures):
        with self.torch.inference_mode(), _without_tf32(self.torch.backends.cudnn):
            return self.network(self.torch.from_numpy(pictures).to(self.device)).cpu().numpy()


@contextmanager
def _without_tf32(cudnn):
    before = cudnn.allow_tf32
    cudnn.allow_tf32 = False
    try:
        yield
    finally:
        cudnn.allow_tf32 = before


class OnnxEmbedder:
    """ONNX Runtime on the CPU, which is 1.6 times as fast as torch and starts without delay."""

    batch = 16

    def __init__(self, backbone, size, graph, threads):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        self.session = None
        if graph.exists():
            try:
                self.session = onnxruntime.InferenceSession(str(graph), options, providers=PROVIDERS)
            except Exception as error:  # ONNX Runtime does not have a specific class for a damaged file
                log.info("The cached graph %s is unreadable and is made again (%s)", graph, error)
        if self.session is None:
            self._export(backbone, size, graph)
            self.session = onnxruntime.InferenceSession(str(graph), options, providers=PROVIDERS)

    def __call__(self, pictures):
        return self.session.run(None, {"pictures": np.ascontiguousarray(pictures)})[0]

    def _export(self, backbone, size, graph):
        import torch

        example = torch.zeros((self.batch, size, size), dtype=torch.uint8)
        with written_whole(graph) as temporary:
            torch.onnx.export(
                loaded_backbone(backbone).eval(),
                (example,),
                str(temporary),
                input_names=["pictures"],
                external_data=False,
                verbose=False,
            )
