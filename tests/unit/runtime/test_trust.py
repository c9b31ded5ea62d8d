"""Small hostile files: each passes ONNX's own checker or at least its parser, and each is refused here."""

import contextlib
import time
from collections.abc import Sequence

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from components.errors import GraftlineError, StorageError
from components.runtime.sessions import open_session
from components.runtime.trust import OPERATORS, Limits, check, run_within

SHAPES = {"x": (4, 3)}


def _model(
    nodes: Sequence[onnx.NodeProto],
    values: dict[str, np.ndarray] | None = None,
    inputs: Sequence[str] = ("x",),
    axes: int = 2,
) -> onnx.ModelProto:
    graph = helper.make_graph(
        list(nodes),
        "graph",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 3]) for name in inputs],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["any"] * axes)],
        [numpy_helper.from_array(value, name) for name, value in (values or {}).items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def _linear() -> onnx.ModelProto:
    weight = np.arange(6, dtype=np.float32).reshape(3, 2)
    return _model([helper.make_node("MatMul", ["x", "weight"], ["y"])], {"weight": weight})


def _endless_loop() -> onnx.ModelProto:
    """`while True: pass`, with a state of one number."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["going"], ["still_going"]),
            helper.make_node("Add", ["state", "state"], ["next_state"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("round", TensorProto.INT64, []),
            helper.make_tensor_value_info("going", TensorProto.BOOL, []),
            helper.make_tensor_value_info("state", TensorProto.FLOAT, ["batch", 3]),
        ],
        [
            helper.make_tensor_value_info("still_going", TensorProto.BOOL, []),
            helper.make_tensor_value_info("next_state", TensorProto.FLOAT, ["batch", 3]),
        ],
    )
    loop = helper.make_node("Loop", ["", "go", "x"], ["y"], body=body)
    return _model([loop], {"go": np.array(True)})


def _refused(model: onnx.ModelProto, reason: str, limits: Limits | None = None) -> None:
    with pytest.raises(StorageError, match=reason):
        check(model.SerializeToString(), SHAPES, limits or Limits())


def test_an_honest_file_passes() -> None:
    check(_linear().SerializeToString(), SHAPES)


def test_a_request_of_32_gib_is_refused_and_a_small_one_is_not() -> None:
    node = helper.make_node("ConstantOfShape", ["size"], ["y"])
    bomb = _model([node], {"size": np.array([2**33])}, axes=1)
    onnx.checker.check_model(bomb)
    assert len(bomb.SerializeToString()) < 200
    _refused(bomb, "'y' would have 8589934592 elements")
    check(_model([node], {"size": np.array([5])}).SerializeToString(), SHAPES)


@pytest.mark.parametrize(
    ("nodes", "values"),
    [
        ([helper.make_node("Expand", ["x", "to"], ["y"])], {"to": np.array([2**20, 2**20, 1, 1])}),
        ([helper.make_node("Tile", ["x", "by"], ["y"])], {"by": np.array([2**20, 2**20])}),
        (
            [helper.make_node("Add", ["column", "row"], ["y"])],  # 400 KB of numbers that make 10 GB
            {"column": np.ones((50_000, 1), np.float32), "row": np.ones((1, 50_000), np.float32)},
        ),
        (
            [  # the size is computed: 2¹⁶ · 2¹⁶
                helper.make_node("Mul", ["side", "side"], ["size"]),
                helper.make_node("ConstantOfShape", ["size"], ["y"]),
            ],
            {"side": np.array([2**16])},
        ),
        (  # a chain of squares: (4, 3) → 2¹⁰ copies, four times
            [
                helper.make_node("Tile", ["x" if i == 0 else f"t{i}", "by"], ["y" if i == 3 else f"t{i + 1}"])
                for i in range(4)
            ],
            {"by": np.array([2**5, 2**5])},
        ),
    ],
    ids=["expand", "tile", "broadcast", "computed size", "chain"],
)
def test_bombs_are_refused(nodes: list[onnx.NodeProto], values: dict[str, np.ndarray]) -> None:
    _refused(_model(nodes, values), "elements|cannot be known beforehand")


def test_a_size_that_the_data_decide_is_refused() -> None:
    nodes = [
        helper.make_node("Cast", ["x"], ["numbers"], to=TensorProto.INT64),
        helper.make_node("Slice", ["numbers", "from", "to"], ["row"]),
        helper.make_node("Reshape", ["row", "flat"], ["size"]),
        helper.make_node("ConstantOfShape", ["size"], ["y"]),
    ]
    values = {"from": np.array([0]), "to": np.array([1]), "flat": np.array([-1])}
    _refused(_model(nodes, values), "cannot be known beforehand")


def test_what_the_file_claims_about_its_sizes_is_not_believed() -> None:
    bomb = _model([helper.make_node("ConstantOfShape", ["size"], ["y"])], {"size": np.array([2**33])})
    bomb.graph.output[0].CopyFrom(helper.make_tensor_value_info("y", TensorProto.FLOAT, [1]))
    _refused(bomb, "elements")


def test_external_data_are_refused_wherever_they_point() -> None:
    for location in ("../secret", "/etc/hostname", "weights.bin"):
        model = _linear()
        tensor = model.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=location)
        _refused(model, "lies in another file")


def test_a_tensor_in_an_attribute_is_looked_at_too() -> None:
    constant = helper.make_node("Constant", [], ["y"], value=numpy_helper.from_array(np.ones(2, np.float32)))
    constant.attribute[0].t.data_location = TensorProto.EXTERNAL
    _refused(_model([constant]), "lies in another file")


@pytest.mark.parametrize("dims", [[3, 3], [2**40, 2], [3, -2], [0, 2]])
def test_dims_that_the_bytes_do_not_fill_are_refused(dims: list[int]) -> None:
    model = _linear()
    model.graph.initializer[0].dims[:] = dims
    _refused(model, "promises|negative")


def test_foreign_domains_operators_and_functions_are_refused() -> None:
    _refused(_model([helper.make_node("Evil", ["x"], ["y"], domain="com.evil")]), "domain 'com.evil'")
    _refused(_model([helper.make_node("RandomNormalLike", ["x"], ["y"])]), "'RandomNormalLike'")
    model = _linear()
    node = helper.make_node("Relu", ["a"], ["b"])
    model.functions.add().CopyFrom(
        helper.make_function("", "Twice", ["a"], ["b"], [node], [helper.make_opsetid("", 18)])
    )
    _refused(model, "functions")


def test_file_and_nodes_have_limits_and_inputs_must_be_known() -> None:
    _refused(_linear(), "bytes", Limits(file_bytes=50))
    _refused(_linear(), "nodes", Limits(nodes=0))
    _refused(_model([helper.make_node("Add", ["x", "z"], ["y"])], inputs=("x", "z")), "'z' that nobody gives")
    with pytest.raises(StorageError, match="is 3, not 7"):
        check(_linear().SerializeToString(), {"x": (4, 7)})


def test_an_endless_loop_is_refused_and_where_it_is_allowed_the_watchdog_ends_it() -> None:
    model = _endless_loop()
    onnx.checker.check_model(model)
    _refused(model, "'Loop'")
    assert not OPERATORS & {"Loop", "Scan", "If"}
    session = open_session(model.SerializeToString(), ["cpu"], 1)
    started = time.monotonic()
    with pytest.raises(GraftlineError, match=r"did not finish within 0\.3 s"):
        run_within(session, {"x": np.ones((4, 3), np.float32)}, 0.3)
    assert time.monotonic() - started < 20


def test_a_model_that_ends_in_time_gives_its_outputs() -> None:
    session = open_session(_linear().SerializeToString(), ["cpu"], 1)
    (found,) = run_within(session, {"x": np.array([[1, 0, 2]], np.float32)}, 60)
    np.testing.assert_array_equal(found, [[8.0, 11.0]])


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 255), st.integers(0, 60))
def test_damaged_bytes_are_refused_or_pass_but_never_crash(position: int, value: int, cut: int) -> None:
    data = bytearray(_linear().SerializeToString())
    data[position % len(data)] = value
    with contextlib.suppress(StorageError):
        check(bytes(data[: len(data) - cut]), SHAPES)
