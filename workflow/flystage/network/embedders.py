"""A frozen backbone ready to turn batches of pictures into vectors: torch on a GPU, ONNX Runtime on a CPU."""

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
    """ "cuda" where torch sees a GPU; else "onnx" where ONNX Runtime is installed; else "torch".

    Their vectors agree to a few digits and not to the last, so each kind has its own in the cache.
    """
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "onnx" if importlib.util.find_spec("onnxruntime") and importlib.util.find_spec("onnxscript") else "torch"


def embedder(kind, backbone, size, cache_folder, threads):
    """An object with `batch`, the number of pictures it takes at a time, that turns them into vectors when called:
    uint8 array (batch, size, size) -> float32 array (batch, features).

    kind: see `kind_of_embedder`. backbone: as `fetch_weights` writes it. cache_folder: keeps the backbone as an ONNX
    graph. threads: of the computation on a CPU.
    """
    if kind == "onnx":
        return OnnxEmbedder(backbone, size, cache_folder / f"{content_of(backbone)}-{size}.onnx", threads)
    return TorchEmbedder(backbone, kind, threads)


class TorchEmbedder:
    """Eager torch in single precision, on GPUs too: their shortened one (TF32) costs three digits, as docs/speed.md says."""

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
    """ONNX Runtime on the CPU: 1.6 times as fast there as torch, and it starts at once."""

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
            except Exception as error:  # ONNX Runtime has no class of its own for a damaged file
                log.info("The cached graph %s cannot be loaded and is made again (%s)", graph, error)
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
