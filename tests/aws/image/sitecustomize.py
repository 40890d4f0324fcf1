"""Python runs this at its start: what AWS's PyTorch images do not hold is not there in an emulated container either."""

import sys

sys.modules["onnxruntime"] = sys.modules["snakemake"] = None
