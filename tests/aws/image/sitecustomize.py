"""Python runs this at its start: what AWS's PyTorch images do not hold is not there in an emulated container either.

What their makers may or may not have put in (safetensors and the like) is not there, so that nothing relies on it.
"""

import sys
from importlib.machinery import PathFinder

for name in ("onnxruntime", "snakemake", "huggingface_hub", "safetensors", "yaml"):
    sys.modules[name] = None


class Timm(PathFinder):
    """Finds timm where a job brought it along, and not among the packages of this machine."""

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name != "timm":
            return None
        brought = [folder for folder in sys.path if "site-packages" not in folder]
        found = super().find_spec(name, brought, target)
        if found is None:
            raise ModuleNotFoundError("No module named 'timm'", name=name)
        return found


sys.meta_path.insert(0, Timm)
