"""Limits for ONNX files from elsewhere, to be checked before onnxruntime sees them.

ONNX's checker passes an endless Loop of 241 bytes and 108 bytes that ask for 32 GiB, and onnxruntime follows
external data through hard links. So a foreign file is one file of known operators whose every intermediate
value has a size that is known beforehand, and whose work and memory together are bounded; whatever cannot be bounded is
refused. `runtime.watchdog` then bounds the time of each call.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import onnx

from components.errors import StorageError
from components.runtime.cost import cost

# Feed-forward arithmetic. Absent on purpose: Loop, Scan, If (they can run for ever, and hide graphs), random
# numbers (a release is deterministic), and operators whose output's size depends on the values of the data.
OPERATORS = frozenset(
    """
    Abs Add And ArgMax ArgMin AveragePool BatchNormalization Cast CastLike Ceil Clip Concat Constant
    ConstantOfShape Conv ConvTranspose Cos CumSum DepthToSpace DequantizeLinear Div Einsum Elu Equal Erf Exp Expand
    Flatten Floor Gather GatherElements Gelu Gemm GlobalAveragePool GlobalMaxPool Greater GreaterOrEqual
    GroupNormalization HardSigmoid HardSwish Identity InstanceNormalization LayerNormalization LeakyRelu Less
    LessOrEqual Log LogSoftmax MatMul Max MaxPool Mean Min Mish Mod Mul Neg Not Or PRelu Pad Pow
    QuantizeLinear Range Reciprocal ReduceL2 ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum Relu Reshape
    Resize Round Selu Shape Sigmoid Sign Sin Size Slice Softmax Softplus Softsign SpaceToDepth Split Sqrt
    Squeeze Sub Sum Tan Tanh Tile TopK Transpose Trilu Unsqueeze Where
    """.split()  # noqa: SIM905 - a list of 100 lines hides what is on it
)
# Lists what it selects of a whole batch: how long the list is depends on the data.
SELECTING = "NonMaxSuppression"
T = onnx.TensorProto
KINDS = {
    8: (T.DOUBLE, T.INT64, T.UINT64),
    4: (T.FLOAT, T.INT32, T.UINT32),
    2: (T.FLOAT16, T.BFLOAT16, T.INT16, T.UINT16),
    1: (T.INT8, T.UINT8, T.BOOL),
}
BYTES = {int(kind): size for size, kinds in KINDS.items() for kind in kinds}


@dataclass(frozen=True)
class Limits:
    """What a foreign file may ask for.

    Attributes:
        file_bytes: size of the file.
        nodes: number of operators.
        elements: numbers in any one value, for the input shapes that `check` is given.
        multiply_adds: of a whole call: ViT-H/14 with 32 pictures takes 5 · 10¹².
        memory: bytes of all values that are alive at once.
        operators: allowed types. `Loop`, `Scan` and `If` may be added, but their bodies' values must be
            bounded too, and only the watchdog bounds how long they run.
        domains: of operators; all others need code that onnxruntime does not bring.
        selected: rows that a NonMaxSuppression, where `operators` has it, may select of a class of a sample: only so
            many can be bounded. A file may have one of them.
    """

    file_bytes: int = 512 * 2**20
    nodes: int = 20_000
    elements: int = 2**28
    multiply_adds: int = 2**44
    memory: int = 2**33
    operators: frozenset[str] = OPERATORS
    domains: frozenset[str] = frozenset({"", "ai.onnx"})
    selected: int = 0


DEFAULT = Limits()


def limits_of(operators: Mapping[str, int]) -> Limits:
    """The default with further operators, as `Decision.operators` says them: those of a release's problem, never those
    that a file asks for."""
    more = DEFAULT.operators | operators.keys()
    return replace(DEFAULT, operators=more, selected=operators.get(SELECTING, 0))


def check(model: bytes, shapes: Mapping[str, Sequence[int]], limits: Limits = DEFAULT) -> None:
    """Refuse a file that breaks a limit.

    Args:
        shapes: input name → the largest shape that will be fed, for every input.

    Raises:
        StorageError: names the limit, and the node or tensor that breaks it.
    """
    if len(model) > limits.file_bytes:
        raise _refused(f"it has {len(model)} bytes, {limits.file_bytes} are allowed")
    try:
        proto = onnx.load_from_string(model)
    except Exception:  # protobuf's error comes without types, and onnx adds its own
        raise _refused("it is not an ONNX file") from None
    # Functions that call functions grow exponentially when they are inlined.
    if proto.functions or proto.training_info:
        raise _refused("it brings functions or training graphs of its own")
    graphs = list(_graphs(proto.graph))
    nodes = [node for graph in graphs for node in graph.node]
    if len(nodes) > limits.nodes:
        raise _refused(f"it has {len(nodes)} nodes, {limits.nodes} are allowed")
    for node in nodes:
        _check_node(node, limits)
    for graph in graphs:
        for tensor in _tensors(graph):
            _check_tensor(tensor)
    _check_sizes(proto, shapes, limits)


def _refused(reason: str) -> StorageError:
    return StorageError(f"The ONNX file is refused: {reason}.", "Use only releases that Graftline exported.")


def _graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """The graph and all below it. protobuf itself ends nesting at a depth of 100."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in [*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])]:
                yield from _graphs(inner)


def _check_node(node: onnx.NodeProto, limits: Limits) -> None:
    if node.domain not in limits.domains:
        raise _refused(f"node {node.name!r} is of the domain {node.domain!r}")
    if node.op_type not in limits.operators:
        raise _refused(f"node {node.name!r} is of the type {node.op_type!r}, which is not on the list")


def _tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    yield from graph.initializer
    if graph.sparse_initializer:
        raise _refused("it holds sparse tensors")
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("sparse_tensor") or attribute.sparse_tensors:
                raise _refused(f"node {node.name!r} holds a sparse tensor")
            yield from [*attribute.tensors, *([attribute.t] if attribute.HasField("t") else [])]


def _check_tensor(tensor: onnx.TensorProto) -> None:
    """The bytes that the dims promise lie in the file, no more and no fewer."""
    name = tensor.name or "of a node"
    if tensor.external_data or tensor.data_location == T.EXTERNAL:
        raise _refused(f"tensor {name!r} lies in another file")
    if tensor.data_type not in BYTES:
        raise _refused(f"tensor {name!r} is of the type {tensor.data_type}")
    if any(dim < 0 for dim in tensor.dims):
        raise _refused(f"tensor {name!r} has a negative dimension")
    count = math.prod(tensor.dims)
    fields = (tensor.float_data, tensor.int32_data, tensor.int64_data, tensor.double_data, tensor.uint64_data)
    typed = sum(len(field) for field in fields)
    if tensor.HasField("raw_data"):
        held, promised = len(tensor.raw_data), count * BYTES[tensor.data_type]
    else:
        held, promised = typed, count
    if held != promised or (tensor.HasField("raw_data") and typed):
        raise _refused(f"tensor {name!r} promises {promised} but holds {held}")


def _check_sizes(proto: onnx.ModelProto, shapes: Mapping[str, Sequence[int]], limits: Limits) -> None:
    """Every value's shape follows from the inputs' shapes, and is small enough."""
    given = {tensor.name for tensor in proto.graph.initializer}
    for value in proto.graph.input:
        if value.name in given:
            continue
        if value.name not in shapes:
            raise _refused(f"it wants an input {value.name!r} that nobody gives")
        _fix(value, shapes[value.name])
    # What the file itself says about its values is not to be believed.
    del proto.graph.value_info[:]
    for value in proto.graph.output:
        value.type.tensor_type.ClearField("shape")
    _bound_selection(proto, limits)
    inferred = _inferred(proto)
    for graph in _graphs(inferred.graph):
        known = {v.name: v for v in [*graph.value_info, *graph.output, *graph.input]}
        for name in (name for node in graph.node for name in node.output if name):
            _check_value(name, known.get(name), limits)
    _check_cost(inferred.graph, limits)


def _inferred(proto: onnx.ModelProto) -> onnx.ModelProto:
    try:
        return onnx.shape_inference.infer_shapes(proto, check_type=True, strict_mode=True, data_prop=True)
    except Exception as error:  # onnx raises several kinds that share no base
        raise _refused(f"its shapes contradict each other: {str(error).splitlines()[0]}") from None


def _bound_selection(proto: onnx.ModelProto, limits: Limits) -> None:
    """Say of what a NonMaxSuppression selects how much it is at most, so that all that follows has a size."""
    found = [node for graph in _graphs(proto.graph) for node in graph.node if node.op_type == SELECTING]
    if not found:
        return
    if len(found) > 1 or found[0] not in list(proto.graph.node):
        raise _refused(f"it has {SELECTING} more than once, or in a graph within")
    node = found[0]
    most = _constant(proto.graph, node.input[2]) if len(node.input) > 2 else None
    if most is None or not 0 < most <= limits.selected:
        raise _refused(f"node {node.name!r} selects {most} boxes, not 1 to {limits.selected}")
    values = [*_inferred(proto).graph.value_info, *proto.graph.input]
    shapes = {v.name: [dim.dim_value for dim in v.type.tensor_type.shape.dim] for v in values}
    scores = shapes.get(node.input[1], [])
    if len(scores) != 3 or not all(scores):
        raise _refused(f"the size of {node.input[1]!r} cannot be known beforehand")
    rows = scores[0] * scores[1] * min(most, scores[2])
    proto.graph.value_info.append(onnx.helper.make_tensor_value_info(node.output[0], T.INT64, [rows, 3]))


def _constant(graph: onnx.GraphProto, name: str) -> int | None:
    """A whole number that stands in the file; None where it does not."""
    held = [tensor for tensor in graph.initializer if tensor.name == name]
    held += [
        a.t
        for node in graph.node
        if node.op_type == "Constant" and name in node.output
        for a in node.attribute
    ]
    if len(held) != 1 or held[0].data_type != T.INT64 or math.prod(held[0].dims) != 1:
        return None
    return int(onnx.numpy_helper.to_array(held[0]).item())


def _check_cost(graph: onnx.GraphProto, limits: Limits) -> None:
    """The bodies of loops, where `limits` allow any, are not counted: the watchdog ends them."""
    values = {v.name: v.type.tensor_type for v in [*graph.input, *graph.value_info, *graph.output]}
    shapes = {name: tuple(dim.dim_value for dim in kind.shape.dim) for name, kind in values.items()}
    shapes |= {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    weights = {tensor.name for tensor in graph.initializer}
    sizes = {name: BYTES.get(kind.elem_type, 8) for name, kind in values.items() if name not in weights}
    try:
        found = cost(graph, shapes, sizes)
    except (KeyError, IndexError):
        raise _refused("what it costs cannot be known beforehand") from None
    if found.multiply_adds > limits.multiply_adds:
        raise _refused(f"it takes {found.multiply_adds} multiply-adds, {limits.multiply_adds} are allowed")
    if found.peak_bytes > limits.memory:
        raise _refused(f"its values take {found.peak_bytes} bytes at once, {limits.memory} are allowed")


def _fix(value: onnx.ValueInfoProto, shape: Sequence[int]) -> None:
    dims = value.type.tensor_type.shape.dim
    if len(dims) != len(shape):
        raise _refused(f"its input {value.name!r} has {len(dims)} axes, not {len(shape)}")
    for dim, size in zip(dims, shape, strict=True):
        if dim.HasField("dim_value") and dim.dim_value != size:
            raise _refused(f"an axis of its input {value.name!r} is {dim.dim_value}, not {size}")
        dim.dim_value = size


def _check_value(name: str, value: onnx.ValueInfoProto | None, limits: Limits) -> None:
    shape = value.type.tensor_type.shape.dim if value is not None else []
    if value is None or not value.type.tensor_type.HasField("shape"):
        raise _refused(f"the size of {name!r} cannot be known beforehand")
    if any(not dim.HasField("dim_value") or dim.dim_value < 0 for dim in shape):
        raise _refused(f"the size of {name!r} cannot be known beforehand")
    count = math.prod(dim.dim_value for dim in shape)
    if count > limits.elements:
        raise _refused(f"{name!r} would have {count} elements, {limits.elements} are allowed")
