"""Exported bytes: right, repeatable, and without traces of the machine."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper
from onnxscript import opset20 as op
from torch import nn

from components.errors import ExportError
from components.export.onnx_file import export_module, finish, strip
from components.runtime.sessions import open_session


class Affine(nn.Module):
    """x · [[2], [3]] + 1, so that a hand can check it."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("weight", torch.tensor([[2.0], [3.0]]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x @ self.weight + 1


class Hesitant(nn.Module):
    """Its path depends on the data."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + 1 if float(x.sum()) > 0 else x


class Fixing(nn.Module):
    """The length of its batch becomes a constant of the graph."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([x, torch.ones(len(x), 1)], dim=1)


class Remaining(nn.Module):
    """An operator of its own, which torch does not know in ONNX; and inputs that are taken together."""

    translations = MappingProxyType({})

    def forward(self, x: torch.Tensor, *others: torch.Tensor) -> torch.Tensor:
        return remainder(x) + sum(other.sum(dim=1, keepdim=True) for other in others)


@torch.library.custom_op("graftline_tests::remainder", mutates_args=())
def remainder(x: torch.Tensor) -> torch.Tensor:
    """x modulo 3."""
    return x % 3


@remainder.register_fake
def _(x: torch.Tensor) -> torch.Tensor:
    return torch.empty_like(x)


def _remainder_in_onnx(x):  # type: ignore[no-untyped-def]
    return op.Mod(x, op.Constant(value_float=3.0), fmod=1)


def _export(module: nn.Module, opset: int = 20) -> bytes:
    return export_module(module, (torch.zeros(3, 2),), ["x"], ["y"], {"x": {0: "batch"}}, opset)


def _texts(message: object) -> Iterator[str]:
    """Every string of a protobuf message, at any depth."""
    for field, value in message.ListFields():  # type: ignore[attr-defined]
        for item in value if field.is_repeated else [value]:
            if field.type == field.TYPE_MESSAGE:
                yield from _texts(item)
            elif isinstance(item, str):
                yield item


def test_it_computes_what_the_module_computes_for_any_batch() -> None:
    session = open_session(_export(Affine()), ["cpu"], 1)
    assert [(i.name, i.shape) for i in session.get_inputs()] == [("x", ["batch", 2])]
    assert [(o.name, o.shape) for o in session.get_outputs()] == [("y", ["batch", 1])]
    for rows in ([[1.0, 1.0]], [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [-1.0, 2.0]]):
        (found,) = session.run(None, {"x": np.array(rows, dtype=np.float32)})
        np.testing.assert_array_equal(found, [[2 * a + 3 * b + 1] for a, b in rows])


@pytest.mark.parametrize("opset", [18, 20])
def test_the_opset_is_the_one_asked_for(opset: int) -> None:
    model = onnx.load_from_string(_export(Affine(), opset))
    assert {entry.domain: entry.version for entry in model.opset_import}[""] == opset


def test_the_same_module_gives_the_same_bytes() -> None:
    assert _export(Affine()) == _export(Affine())


def test_no_path_and_no_stack_trace_is_left(release: bytes) -> None:
    for data in (_export(Affine()), release):
        for trace in (
            b"site-packages",
            b".py",
            b"torch/",
            str(Path.cwd()).encode(),
            str(Path.home()).encode(),
        ):
            assert trace not in data
        texts = list(_texts(onnx.load_from_string(data)))
        assert texts
        assert not [text for text in texts if text.startswith("/") or "\n" in text]


def test_metadata_are_sorted_and_replace_what_was_there() -> None:
    plain = _export(Affine())
    facts = {"b": "2", "a": json.dumps(["dark", "light"])}
    model = onnx.load_from_string(
        finish(onnx.load_from_string(finish(onnx.load_from_string(plain), {"z": "0"})), facts)
    )
    assert [(entry.key, entry.value) for entry in model.metadata_props] == [
        ("a", '["dark", "light"]'),
        ("b", "2"),
    ]
    assert (model.producer_name, model.producer_version) == ("graftline", "")


def test_traces_in_nested_graphs_are_stripped() -> None:
    flag = helper.make_tensor_value_info("out", TensorProto.FLOAT, [])
    inner = helper.make_node("Identity", ["x"], ["out"], doc_string="/home/me/net.py")
    inner.metadata_props.add(key="pkg.torch.onnx.stack_trace", value="/home/me/net.py, line 3")
    branch = helper.make_graph([inner], "branch", [], [flag], doc_string="/home/me")
    node = helper.make_node("If", ["flag"], ["y"], then_branch=branch, else_branch=branch)
    model = helper.make_model(helper.make_graph([node], "graph", [], []))
    strip(model)
    assert b"/home/me" not in model.SerializeToString()


def test_what_cannot_be_expressed_is_an_export_error() -> None:
    with pytest.raises(ExportError, match="cannot be written as ONNX"):
        _export(Hesitant())


def test_an_axis_that_must_vary_and_is_fixed_is_an_export_error() -> None:
    with pytest.raises(ExportError, match=r"'batch' of its input 'x' to 3.*shape"):
        _export(Fixing())


def test_operators_of_its_own_and_inputs_taken_together_are_exported() -> None:
    example = (torch.zeros(2, 2), torch.zeros(2, 3), torch.zeros(2, 4))
    axes = {name: {0: "batch", 1: f"size_{name}"} for name in ("a", "b")}
    module = Remaining()

    def exported() -> bytes:
        return export_module(module, example, ["x", "a", "b"], ["y"], {"x": {0: "batch"}, **axes})

    with pytest.raises(ExportError, match="cannot be written as ONNX"):
        exported()
    module.translations = {torch.ops.graftline_tests.remainder.default: _remainder_in_onnx}
    session = open_session(exported(), ["cpu"], 1)
    feeds = {
        "x": np.array([[4.0, 5.0]], np.float32),
        "a": np.zeros((1, 0), np.float32),
        "b": np.ones((1, 6), np.float32),
    }
    assert session.run(None, feeds)[0].tolist() == [[1 + 6, 2 + 6]]


def test_an_invalid_file_is_an_export_error() -> None:
    model = onnx.load_from_string(_export(Affine()))
    model.graph.node[0].op_type = "NoSuchOperator"
    with pytest.raises(ExportError, match="not valid ONNX"):
        finish(model)
