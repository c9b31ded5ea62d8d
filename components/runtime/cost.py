"""What running a graph costs at most: multiply-adds, and memory for the values that are alive at once.

Every value's shape is known (`runtime.trust`), so both are sums. A chain of 60 products of matrices of 16384² has small
values and no loop, and keeps two cores busy for hours: only its work gives it away.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import onnx

Shape = tuple[int, ...]
# Their weights, W (M, C / group, kernel…), meet each number of the output, or of the input where that is spread.
KERNELS = {"Conv": "output", "ConvTranspose": "input"}


@dataclass(frozen=True)
class Cost:
    multiply_adds: int
    peak_bytes: int


def cost(graph: onnx.GraphProto, shapes: Mapping[str, Shape], sizes: Mapping[str, int]) -> Cost:
    """Of `graph`, whose nodes are in order.

    Args:
        shapes: of every value, weights included.
        sizes: bytes of a number of each value that is computed.
    """
    last = {name: place for place, node in enumerate(graph.node) for name in node.input}
    last |= {value.name: len(graph.node) for value in graph.output}
    alive = {value.name: _bytes(value.name, shapes, sizes) for value in graph.input if value.name in sizes}
    work, peak = 0, sum(alive.values())
    for place, node in enumerate(graph.node):
        work += _work(node, shapes)
        alive |= {name: _bytes(name, shapes, sizes) for name in node.output if name}
        peak = max(peak, sum(alive.values()))
        for name in {*node.input, *node.output} & alive.keys():
            if last.get(name, place) <= place:
                del alive[name]
    return Cost(work, peak)


def _bytes(name: str, shapes: Mapping[str, Shape], sizes: Mapping[str, int]) -> int:
    return math.prod(shapes[name]) * sizes.get(name, 8)


def _work(node: onnx.NodeProto, shapes: Mapping[str, Shape]) -> int:
    """Multiply-adds; of all but products, one for each number that goes in or comes out."""
    into = [shapes[name] for name in node.input if name]
    out = [math.prod(shapes[name]) for name in node.output if name]
    largest = max([*map(math.prod, into), *out], default=0)
    if node.op_type == "MatMul":
        return out[0] * (into[0][-1] if into[0] else 1)
    if node.op_type == "Gemm":
        turned = any(a.name == "transA" and a.i for a in node.attribute)
        return out[0] * into[0][0 if turned else 1]
    if node.op_type in KERNELS:
        met = out[0] if KERNELS[node.op_type] == "output" else math.prod(into[0])
        return met * math.prod(into[1][1:])
    if node.op_type == "NonMaxSuppression":  # each box that is selected meets all others of its class
        return max(largest, out[0] * into[0][1])
    if node.op_type == "Einsum":
        return _einsum(node, into)
    if node.op_type.endswith("Pool"):
        kernel: list[int] = next((list(a.ints) for a in node.attribute if a.name == "kernel_shape"), [])
        return max(largest, out[0] * math.prod(kernel))
    return largest


def _einsum(node: onnx.NodeProto, into: Sequence[Shape]) -> int:
    """The sizes of all letters together; with an ellipsis, the product of all inputs, which is no less."""
    equation = next((a.s.decode() for a in node.attribute if a.name == "equation"), "")
    terms = equation.replace(" ", "").split("->")[0].split(",")
    if "." in equation or len(terms) != len(into):
        return math.prod(math.prod(shape) for shape in into)
    pairs = [pair for term, shape in zip(terms, into, strict=True) for pair in zip(term, shape, strict=False)]
    sizes = dict(pairs)
    return math.prod(sizes.values())
