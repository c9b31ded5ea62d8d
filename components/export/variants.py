"""The release in other number formats.

int8: static quantisation, QDQ, weights per channel, calibrated on training samples (Jacob et al.,
Quantization and Training of Neural Networks, CVPR 2018). Dynamic quantisation makes convolutions slower.
fp16: half-precision weights and arithmetic behind single-precision inputs and outputs.
Both leave the pre-processing as it is: all nodes before the first that reads weights.
"""

import logging
import math
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from components.errors import ExportError
from components.export.onnx_file import finish

# Only what is heavy: everything else stays as it is.
QUANTISED = ["Conv", "Gemm", "MatMul", "Gather", "Add", "Clip"]
# The first layers see few channels of large images: most of the error is made there, little of the size is.
PLAIN_CONVOLUTIONS = 6
# So many numbers in one tensor are weights, not a mean or a size.
WEIGHTS = 32
LINEAR = ("Gemm", "MatMul", "Conv", "ConvTranspose")
FLOAT = onnx.TensorProto.FLOAT
Batch = npt.NDArray[np.generic]
NOTHING: Mapping[str, Batch] = MappingProxyType({})


class _Reader(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, name: str, batches: Iterable[Batch], beside: Mapping[str, Batch]) -> None:
        self._name, self._beside = name, beside
        self._batches: Iterator[Batch] = iter(batches)

    def get_next(self) -> dict[str, Batch] | None:
        batch = next(self._batches, None)
        return None if batch is None else {self._name: batch, **self._beside}


def to_int8(
    model: bytes,
    batches: Iterable[Batch],
    metadata: Mapping[str, str] | None = None,
    beside: Mapping[str, Batch] = NOTHING,
) -> bytes:
    """The int8 variant; `batches` of training samples, as the graph takes them, and what its other inputs are then."""
    with tempfile.TemporaryDirectory(prefix="graftline-") as folder:
        source, prepared, target = (Path(folder) / name for name in ("a.onnx", "b.onnx", "c.onnx"))
        source.write_bytes(model)
        root = logging.getLogger()
        level = root.level
        root.setLevel(logging.ERROR)
        try:
            quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
            quantize_static(
                str(prepared),
                str(target),
                _Reader(onnx.load(prepared).graph.input[0].name, batches, beside),
                quant_format=QuantFormat.QDQ,
                per_channel=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                op_types_to_quantize=_kinds(prepared),
                nodes_to_exclude=_kept_plain(prepared),
            )
        except Exception as error:
            raise ExportError(f"The int8 variant cannot be made: {error}") from error
        finally:
            root.setLevel(level)
        return finish(onnx.load(target), metadata)


def to_fp16(model: bytes, metadata: Mapping[str, str] | None = None) -> bytes:
    """The fp16 variant: everything from the first weights to the head's last product in half precision.

    onnxruntime's own converter writes one cast several times where a blocked node has several readers.
    """
    loaded = onnx.shape_inference.infer_shapes(onnx.load_from_string(model), check_type=True)
    graph = loaded.graph
    values = [*graph.value_info, *graph.output, *graph.input]
    single = {v.name for v in values if v.type.tensor_type.elem_type == FLOAT}
    first = len(_preprocessing(graph))
    last = max((i for i, n in enumerate(graph.node) if n.op_type in LINEAR), default=-1)
    if not first <= last:
        raise ExportError("The fp16 variant needs weights before the head's last product.")
    before, heavy, after = graph.node[:first], graph.node[first : last + 1], graph.node[last + 1 :]
    _split_initialisers(graph, heavy, [*before, *after])
    _halve_initialisers(graph, heavy)
    _halve_casts(heavy)
    made = {name for node in heavy for name in node.output} & single
    given = ({name for node in before for name in node.output} | {v.name for v in graph.input}) & single
    entering = sorted({n for node in heavy for n in node.input} & given)
    ending = sorted(made & {v.name for v in graph.output})
    leaving = sorted((made & {n for node in after for n in node.input}) - set(ending))
    nodes = [*before, *_casts(entering, heavy, "fp16", onnx.TensorProto.FLOAT16), *heavy]
    nodes += [*_casts(leaving, after, "fp32", onnx.TensorProto.FLOAT), *_ends(ending, heavy), *after]
    kept = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:], graph.value_info[:]
    graph.node.extend(kept)
    # Where a file names no shapes, onnxruntime puts reshapes around sums that cannot take an empty batch.
    return finish(onnx.shape_inference.infer_shapes(loaded, check_type=True, data_prop=True), metadata)


def _halve_casts(heavy: Sequence[onnx.NodeProto]) -> None:
    """A mask that becomes numbers becomes those that its neighbours are."""
    for node in heavy:
        for attribute in node.attribute:
            if node.op_type == "Cast" and attribute.name == "to" and attribute.i == FLOAT:
                attribute.i = onnx.TensorProto.FLOAT16


def _split_initialisers(
    graph: onnx.GraphProto, heavy: Sequence[onnx.NodeProto], others: Sequence[onnx.NodeProto]
) -> None:
    """A constant that both kinds of nodes read (a bound of 0, for instance) becomes two."""
    outside = {name for node in others for name in node.input}
    outside |= {name for node in heavy for place, name in enumerate(node.input) if place in _single(node)}
    floats = (one for one in graph.initializer if one.data_type == FLOAT)
    shared = {one.name: one for one in floats if one.name in outside}
    for node in heavy:
        for position, name in enumerate(node.input):
            if name in shared and position not in _single(node):
                own = f"{name}_heavy"
                if own not in {one.name for one in graph.initializer}:
                    twin = graph.initializer.add()
                    twin.CopyFrom(shared[name])
                    twin.name = own
                node.input[position] = own


def _halve_initialisers(graph: onnx.GraphProto, heavy: Sequence[onnx.NodeProto]) -> None:
    used = {name for node in heavy for place, name in enumerate(node.input) if place not in _single(node)}
    for initialiser in graph.initializer:
        if initialiser.name in used and initialiser.data_type == onnx.TensorProto.FLOAT:
            with np.errstate(over="ignore"):
                half = onnx.numpy_helper.to_array(initialiser).astype(np.float16)
            if not np.isfinite(half).all():
                raise ExportError(
                    f"The fp16 variant cannot be made: half precision cannot hold {initialiser.name}."
                )
            initialiser.CopyFrom(onnx.numpy_helper.from_array(half, initialiser.name))


def _single(node: onnx.NodeProto) -> tuple[int, ...]:
    """Places of the inputs that ONNX wants in single precision: scales are no values."""
    return (1, 2) if node.op_type == "Resize" else ()


def _casts(
    names: Sequence[str], readers: Sequence[onnx.NodeProto], suffix: str, to: int
) -> list[onnx.NodeProto]:
    """One cast a name; the readers are pointed to it."""
    for node in readers:
        for position, name in enumerate(node.input):
            if name in names:
                node.input[position] = f"{name}_{suffix}"
    return [onnx.helper.make_node("Cast", [n], [f"{n}_{suffix}"], f"cast_{n}_{suffix}", to=to) for n in names]


def _ends(names: Sequence[str], heavy: Sequence[onnx.NodeProto]) -> list[onnx.NodeProto]:
    """One cast for each output of the graph that is made in half precision, which there has another name."""
    for node in heavy:
        for held in (node.input, node.output):
            for position, name in enumerate(held):
                if name in names:
                    held[position] = f"{name}_half"
    return [onnx.helper.make_node("Cast", [f"{n}_half"], [n], f"cast_{n}", to=FLOAT) for n in names]


def _kinds(path: Path) -> list[str]:
    """Without convolutions, additions stay: they hide padding by -10,000, a range in which all scores are one.

    Measured on MiniLM (spam, 300 validation samples): 84 decisions changed with additions, 4 without.
    """
    kinds = {node.op_type for node in onnx.load(path).graph.node}
    return QUANTISED if "Conv" in kinds else [kind for kind in QUANTISED if kind != "Add"]


def _kept_plain(path: Path) -> list[str]:
    """Names of the pre-processing and of the first convolutions; of a small network at most half of them."""
    graph = onnx.load(path).graph
    convolutions = [node.name for node in graph.node if node.op_type == "Conv"]
    first = convolutions[: min(PLAIN_CONVOLUTIONS, len(convolutions) // 2)]
    return [node.name for node in _preprocessing(graph)] + first


def _preprocessing(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """The nodes before the first that reads weights: pixels are not quantised twice."""
    nodes = list(graph.node)
    weights = {tensor.name for tensor in graph.initializer if math.prod(tensor.dims) >= WEIGHTS}
    first = next((i for i, node in enumerate(nodes) if weights & set(node.input)), len(nodes))
    return nodes[:first]
