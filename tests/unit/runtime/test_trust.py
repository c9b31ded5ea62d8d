"""Small hostile files: each passes ONNX's own checker or at least its parser, and each is refused here."""

import contextlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from components.errors import GraftlineError, StorageError
from components.inference import bundle
from components.runtime.sessions import open_session, run
from components.runtime.trust import OPERATORS, Limits, check, limits_of

SHAPES = {"x": (4, 3)}
POOL = {"kernel_shape": [2, 2], "strides": [2, 2]}


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
    session, feeds = open_session(model.SerializeToString(), ["cpu"], 1), {"x": np.ones((4, 3), np.float32)}
    with ThreadPoolExecutor(2) as pool:  # each call has a deadline of its own
        for asked in [pool.submit(run, session, feeds, seconds) for seconds in (0.3, 0.1)]:
            with pytest.raises(GraftlineError, match=r"did not finish within 0\.[13] s"):
                asked.result(timeout=60)


def test_a_runner_of_a_release_is_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "SECONDS", 0.1)
    runner = bundle.Runner(_endless_loop().SerializeToString(), ["cpu"], 1)
    with pytest.raises(GraftlineError, match=r"did not finish within 0\.1 s"):
        runner.run(np.ones((4, 3), np.float32))


def test_a_model_that_ends_in_time_gives_its_outputs_and_its_own_errors() -> None:
    session = open_session(_linear().SerializeToString(), ["cpu"], 1)
    (found,) = run(session, {"x": np.array([[1, 0, 2]], np.float32)}, 60)
    np.testing.assert_array_equal(found, [[8.0, 11.0]])
    with pytest.raises(Exception, match=r"[Ii]nvalid"):
        run(session, {"x": np.ones((4, 7), np.float32)}, 60)


def test_work_without_end_in_small_values_is_refused() -> None:
    """60 products of matrices of 16384², from a file of a few kilobytes."""
    square = helper.make_node("ConstantOfShape", ["size"], ["t0"])
    chain = [helper.make_node("MatMul", [f"t{i}", "t0"], [f"t{i + 1}"]) for i in range(60)]
    chain[-1].output[0] = "y"
    bomb = _model([square, *chain], {"size": np.array([2**14, 2**14])})
    onnx.checker.check_model(bomb)
    _refused(bomb, "263883059101696 multiply-adds, 17592186044416 are allowed")


def test_many_values_that_are_alive_at_once_are_refused() -> None:
    """40 values of a gigabyte, each within the limit, wait for the end."""
    values = [helper.make_node("ConstantOfShape", ["size"], [f"t{i}"]) for i in range(40)]
    total = helper.make_node("Sum", [f"t{i}" for i in range(40)], ["y"])
    _refused(_model([*values, total], {"size": np.array([2**14, 2**14])}), "bytes at once, 8589934592")


@pytest.mark.parametrize(
    ("node", "weights", "expected"),
    [
        (helper.make_node("Gemm", ["x", "w"], ["y"]), {"w": (3, 5)}, 4 * 3 * 5),
        (helper.make_node("Gemm", ["x", "w"], ["y"], transA=1), {"w": (4, 5)}, 4 * 3 * 5),
        (helper.make_node("Einsum", ["x", "w"], ["y"], equation="ij,jk->ik"), {"w": (3, 5)}, 4 * 3 * 5),
        (helper.make_node("Einsum", ["x", "w"], ["y"], equation="...j,jk->...k"), {"w": (3, 5)}, 12 * 15),
        (helper.make_node("Relu", ["x"], ["y"]), {}, 12),
    ],
)
def test_work_is_counted(node: onnx.NodeProto, weights: dict[str, tuple[int, ...]], expected: int) -> None:
    model = _model([node], {name: np.ones(shape, np.float32) for name, shape in weights.items()})
    data = model.SerializeToString()
    check(data, SHAPES, Limits(multiply_adds=expected))
    _refused(model, f"it takes {expected} multiply-adds", Limits(multiply_adds=expected - 1))


def test_work_of_convolutions_is_counted() -> None:
    """3 → 5 channels, kernel 3, onto 4 × 4: 5 · 16 numbers, 27 products each; 2 × 2 pooled: 4 for each of 5 · 4."""
    nodes = [helper.make_node("Conv", ["x", "w"], ["c"]), helper.make_node("MaxPool", ["c"], ["y"], **POOL)]
    model = _model(nodes, {"w": np.ones((5, 3, 3, 3), np.float32)}, axes=4)
    shape = model.graph.input[0].type.tensor_type.shape
    del shape.dim[:]
    for _ in range(4):
        shape.dim.add()
    expected = 5 * 16 * 27 + 80
    for allowed, refused in ((expected, False), (expected - 1, True)):
        with pytest.raises(StorageError, match=f"{expected} multiply-adds") if refused else nullcontext():
            check(model.SerializeToString(), {"x": (1, 3, 6, 6)}, Limits(multiply_adds=allowed))


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 255), st.integers(0, 60))
def test_damaged_bytes_are_refused_or_pass_but_never_crash(position: int, value: int, cut: int) -> None:
    data = bytearray(_linear().SerializeToString())
    data[position % len(data)] = value
    with contextlib.suppress(StorageError):
        check(bytes(data[: len(data) - cut]), SHAPES)


def _selecting(most: int = 3, times: int = 1, fixed: bool = True) -> bytes:
    """Boxes (2, n, 4) and scores (2, 5, n): what suppression selects of them, and as many ones."""
    names = [f"selected_{number}" for number in range(times)]
    nodes = [helper.make_node("NonMaxSuppression", ["x", "scores", "most"], [name]) for name in names]
    nodes += [helper.make_node("Cast", [names[-1]], ["y"], to=TensorProto.FLOAT)]
    inputs = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", "n", 4]),
        helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", "classes", "n"]),
    ]
    if not fixed:
        inputs.append(helper.make_tensor_value_info("most", TensorProto.INT64, [1]))
    graph = helper.make_graph(
        nodes,
        "graph",
        inputs,
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["selected", 3])],
        [numpy_helper.from_array(np.array([most]), "most")] if fixed else [],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    return made.SerializeToString()


BOXES = {"x": (2, 40, 4), "scores": (2, 5, 40)}


def test_suppression_is_for_those_alone_that_bound_it() -> None:
    allowed = limits_of({"NonMaxSuppression": 3})
    check(_selecting(), BOXES, allowed)
    for model, limits, shapes, reason in (
        (_selecting(), Limits(), BOXES, "not on the list"),
        (_selecting(most=4), allowed, BOXES, "selects 4 boxes, not 1 to 3"),
        (_selecting(most=0), allowed, BOXES, "selects 0 boxes"),
        (_selecting(most=2**62), allowed, BOXES, "selects 4611686018427387904 boxes"),
        (_selecting(times=2), allowed, BOXES, "more than once"),
        (_selecting(fixed=False), allowed, {**BOXES, "most": (1,)}, "selects None boxes"),
    ):
        with pytest.raises(StorageError, match=reason):
            check(model, shapes, limits)


def test_what_suppression_selects_counts_as_its_most() -> None:
    """2 samples, 5 classes, 3 boxes: 30 rows of 3 numbers, each against 40 boxes; then 90 numbers are cast."""
    limits, work = limits_of({"NonMaxSuppression": 3}), 30 * 3 * 40 + 90
    check(_selecting(), BOXES, replace(limits, elements=90, multiply_adds=work))
    with pytest.raises(StorageError, match="'selected_0' would have 90 elements, 89 are allowed"):
        check(_selecting(), BOXES, replace(limits, elements=89))
    with pytest.raises(StorageError, match=f"takes {work} multiply-adds"):
        check(_selecting(), BOXES, replace(limits, multiply_adds=work - 1))
