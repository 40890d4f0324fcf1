#!/usr/bin/env bash
# onnxscript 0.7.2, whose optimiser torch.onnx.export(dynamo=True) runs, drops "+ 1e-8" and "* (1 + 1e-6)".
#
# It takes a constant for zero if it is at most 1e-8 away, and for one if it is about a millionth away. An epsilon of 1e-8 under a
# square root, or in a denominator, thus disappears from the exported file without a message. torch 2.15.0 returns 1e-4 for
# sqrt(var + 1e-8) of a constant input. The exported file returns 0, and a division by it NaN. An epsilon of 1e-7 stays.
# Use clamp_min, or an epsilon above 1e-8, in networks that will be exported. optimize=False keeps the constant.
#
# Output seen:
#   x + 1e-07: kept
#   x + 1e-08: dropped
#   x - -1e-09: dropped
#   x * 1.00001: kept
#   x * 1.000001: dropped
#   sqrt(0 + 1e-08) before 0.0001, after 0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet onnxscript==0.7.2 onnx==1.23.2 onnx-ir==1.1.0 "numpy==2.4.*"
"$folder/venv/bin/python" - > "$folder/seen" <<'PYTHON'
import numpy as np
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator
from onnxscript import optimizer


def model(operator, constant):
    """Return sqrt(x <operator> constant) as a model."""
    graph = helper.make_graph(
        [helper.make_node(operator, ["x", "c"], ["y"]), helper.make_node("Sqrt", ["y"], ["z"])],
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])],
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, [1])],
        [helper.make_tensor("c", TensorProto.FLOAT, [], [constant])],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


for operator, sign, constant in (
    ("Add", "+", 1e-7), ("Add", "+", 1e-8), ("Sub", "-", -1e-9), ("Mul", "*", 1.00001), ("Mul", "*", 1.000001),
):
    kinds = [node.op_type for node in optimizer.optimize(model(operator, constant)).graph.node]
    print(f"x {sign} {constant}: {'kept' if operator in kinds else 'dropped'}")
before = model("Add", 1e-8)
values = [
    ReferenceEvaluator(each).run(None, {"x": np.zeros(1, np.float32)})[0][0] for each in (before, optimizer.optimize(before))
]
print(f"sqrt(0 + 1e-08) before {values[0]:.3g}, after {values[1]:.3g}")
PYTHON
cat "$folder/seen"
diff - "$folder/seen" <<'SEEN'
x + 1e-07: kept
x + 1e-08: dropped
x - -1e-09: dropped
x * 1.00001: kept
x * 1.000001: dropped
sqrt(0 + 1e-08) before 0.0001, after 0
SEEN
