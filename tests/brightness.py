"""A release that looks at nothing but brightness: tiny, real, and computed by hand in a line."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

# What the manifest of such a release says about its task.
ABOUT: dict[str, object] = {
    "task": {"name": "image_classification"},
    "input": {"name": "image", "type": "uint8", "shape": ["batch", "height", "width", 3]},
}


def brightness_network(weight: float, bias: tuple[float, float], softmax: bool = False) -> bytes:
    """uint8 (batch, height, width, 3) → (-weight, weight) · mean + bias, as it is or through a softmax."""
    last = "logits" if softmax else "probabilities"
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["pixels", "axes"], ["mean"], keepdims=0),
        helper.make_node("Unsqueeze", ["mean", "one"], ["column"]),
        helper.make_node("MatMul", ["column", "weight"], ["turned"]),
        helper.make_node("Add", ["turned", "bias"], [last]),
    ]
    if softmax:
        nodes.append(helper.make_node("Softmax", [last], ["probabilities"], axis=1))
    values = {
        "axes": np.array([1, 2, 3]),
        "one": np.array([1]),
        "weight": np.array([[-weight, weight]], dtype=np.float32),
        "bias": np.array(bias, dtype=np.float32),
    }
    graph = helper.make_graph(
        nodes,
        "brightness",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["batch", "height", "width", 3])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 2])],
        [numpy_helper.from_array(value, name) for name, value in values.items()],
    )
    opset = [helper.make_opsetid("", 18)]
    return bytes(helper.make_model(graph, opset_imports=opset, ir_version=10).SerializeToString())
