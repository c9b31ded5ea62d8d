"""A release that looks at nothing but brightness: tiny, real, and computed by hand in a line."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from components.inference.contract import TERMS, TERMS_1
from components.storage.publish import sha256_bytes, write_bytes, write_json

# What the manifest of such a release says about its task; with its classes, positive and threshold beside it, this is
# format 1, which earlier versions wrote.
ABOUT: dict[str, object] = {
    "task": {"name": "image_classification"},
    "input": {"name": "image", "type": "uint8", "shape": ["batch", "height", "width", 3]},
}


def brightness_network(weight: float, bias: tuple[float, float], softmax: bool = False) -> bytes:
    """uint8 (batch, height, width, 3) → (-weight, weight) · mean + bias, as it is or through a softmax."""
    return brightness_graph((-weight, weight), bias, "probabilities", "Softmax" if softmax else "")


def brightness_graph(weight: Sequence[float], bias: Sequence[float], output: str, last: str = "") -> bytes:
    """uint8 (batch, height, width, 3) → weight · mean + bias (batch, len(weight)), through the operator `last`."""
    turned = "turned" if last else output
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["pixels", "axes"], ["mean"], keepdims=0),
        helper.make_node("Unsqueeze", ["mean", "one"], ["column"]),
        helper.make_node("MatMul", ["column", "weight"], ["moved"]),
        helper.make_node("Add", ["moved", "bias"], [turned]),
    ]
    if last:
        nodes.append(helper.make_node(last, [turned], [output], **({"axis": 1} if last == "Softmax" else {})))
    values = {
        "axes": np.array([1, 2, 3]),
        "one": np.array([1]),
        "weight": np.array([weight], dtype=np.float32),
        "bias": np.array(bias, dtype=np.float32),
    }
    graph = helper.make_graph(
        nodes,
        "brightness",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["batch", "height", "width", 3])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["batch", len(weight)])],
        [numpy_helper.from_array(value, name) for name, value in values.items()],
    )
    opset = [helper.make_opsetid("", 18)]
    return bytes(helper.make_model(graph, opset_imports=opset, ir_version=10).SerializeToString())


def brighter(slope: float) -> bytes:
    """softmax of (-slope, slope) · (mean brightness - 120)."""
    return brightness_network(slope, bias=(120 * slope, -120 * slope), softmax=True)


def modern_about(
    classes: Sequence[str] = ("dark", "light"),
    positive: str | None = "light",
    threshold: float | None = 0.5,
) -> dict[str, object]:
    """What a manifest of today's format says of a release of two classes, but for its files."""
    return {
        **ABOUT,
        "format": 2,
        "task": {"modality": "image", "problem": "classification"},
        "output": {"name": "probabilities", "type": "float32", "shape": ["batch", 2]},
        "columns": [f"p.{name}" for name in classes],
        "target": {"problem": "classification", "classes": list(classes)},
        "decision": {"temperature": 1.0, "positive": positive, "threshold": threshold},
        "released": "fp32",
    }


def old_about(about: Mapping[str, object]) -> dict[str, object]:
    """The same as earlier versions said it: format 1, which gives itself no number."""
    decision, target = about["decision"], about["target"]
    assert isinstance(decision, dict)
    assert isinstance(target, dict)
    terms = {
        "classes": target["classes"],
        "positive": decision["positive"],
        "threshold": decision["threshold"],
    }
    output = {"name": "probabilities", "type": "float32", "shape": ["batch", "classes"]}
    new = ("format", "columns", "target", "decision")
    kept = {name: value for name, value in about.items() if name not in new}
    return {**kept, **ABOUT, **terms, "output": output}


def saying(model: bytes, about: Mapping[str, object]) -> bytes:
    """The model whose metadata say what its manifest does, as the export writes them."""
    made = onnx.load_from_string(model)
    for name in (*TERMS, "decision") if "format" in about else TERMS_1:
        made.metadata_props.add(key=name, value=json.dumps(about.get(name), sort_keys=True))
    return bytes(made.SerializeToString())


def write_release(root: Path, slopes: Mapping[str, float], *, format_1: bool = False, **facts: Any) -> None:
    """release/ and controls/: `light` is class 1, the control is wrong throughout. `slopes`: of each ONNX file.

    `facts` are of the manifest; classes, positive and threshold as `modern_about` takes them.
    """
    said = {name: facts.pop(name) for name in ("classes", "positive", "threshold") if name in facts}
    about = {**modern_about(**said), **facts}
    if format_1:
        about = old_about(about)
    for name, slope in slopes.items():
        write_bytes(root / "release" / name, saying(brighter(slope), about))
    parity = {"samples": 9, "max_difference": 0.0, "changed_decisions": 0}
    write_json(root / "release" / "parity.json", dict.fromkeys(("fp32", "int8", "fp16"), parity))
    files = {
        path.name: {"sha256": sha256_bytes(path.read_bytes()), "size": path.stat().st_size}
        for path in (root / "release").iterdir()
    }
    write_json(root / "release" / "manifest.json", {**about, "files": files})
    write_bytes(root / "controls" / "scratch.onnx", brighter(-0.02))
    write_json(root / "controls" / "controls.json", {"constants": {"majority": [1.0, 0.0]}})
