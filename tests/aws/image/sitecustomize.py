"""Hide packages that AWS's PyTorch images lack. Python runs this at its start in an emulated container.

Packages that the images may or may not have, such as safetensors, are hidden too, so that jobs do not rely on them.
"""

import sys
from importlib.machinery import PathFinder

for name in ("onnxruntime", "snakemake", "huggingface_hub", "safetensors", "yaml"):
    sys.modules[name] = None


class Timm(PathFinder):
    """Find timm only in the code of the job, not among the packages of this machine."""

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
