"""What a release says of samples, and what its head sees of them: the embedding.

A release has one output, its probabilities. The embedding is made a second output in memory, of the very bytes that
were verified; no file changes. What then answers is the same graph, and the probabilities are those that are served.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from components.data.ahead import in_order, windows
from components.errors import DataError, StorageError
from components.inference.assembly import Assembly, Key, stacked
from components.inference.bundle import SECONDS, WINDOW, Answers, Bundle, Runner
from components.modalities import statistics
from components.modalities.base import Sample
from components.problems.windows import Window
from components.runtime.sessions import run
from components.storage.publish import sha256_bytes

Embeddings = npt.NDArray[np.float32]

HEAD = "head."  # what export.release calls the head's weights
LAYERS = ("Gemm", "MatMul")
NOT_FINITE = "the model's answer is not finite"  # why a sample has no answer


class Observer(Runner):
    """A release that also gives embeddings (batch, width)."""

    def __init__(self, model: bytes, providers: Sequence[str], threads: int) -> None:
        """Raises StorageError where no embedding can be found in `model`."""
        augmented, self.width = with_embedding(model)
        super().__init__(augmented, providers, threads)

    def answers(self, samples: Sample) -> tuple[Answers, Embeddings]:
        found = run(self._session, {self._input: samples}, SECONDS)
        return np.asarray(found[0], dtype=np.float32), np.asarray(found[1], dtype=np.float32)


def observer(bundle: Bundle, providers: Sequence[str], threads: int) -> Observer:
    """The released variant of `bundle`. Raises as `Bundle.runner`, and StorageError where it has no embedding."""
    return Observer(bundle.model(), providers, threads)


def with_embedding(model: bytes) -> tuple[bytes, int]:
    """The model with its embedding as second output, and the embedding's width."""
    proto = onnx.load_from_string(model)
    name = _embedding(proto.graph)
    inferred = onnx.shape_inference.infer_shapes(proto).graph
    known = {value.name: value for value in (*inferred.value_info, *inferred.input)}
    dims = known[name].type.tensor_type.shape.dim if name in known else []
    if len(dims) != 2 or dims[1].dim_value < 1:
        raise StorageError(f"What the release's head sees ({name!r}) is not of the shape (batch, width).")
    kind = known[name].type.tensor_type.elem_type
    proto.graph.output.append(onnx.helper.make_tensor_value_info(name, kind, ["batch", dims[1].dim_value]))
    return proto.SerializeToString(), int(dims[1].dim_value)


def _embedding(graph: onnx.GraphProto) -> str:
    """What meets the head's weights first; in graphs that name none, what the last linear layer takes."""
    constant = {tensor.name: tensor.name.startswith(HEAD) for tensor in graph.initializer}
    linear = ""
    for node in graph.node:  # sorted: nothing is used before it is made
        fed = [name for name in node.input if name]
        moving = [name for name in fed if name not in constant]
        of_head = any(constant.get(name, False) for name in fed)
        if not moving:  # a weight that is cast, transposed or dequantised is one still
            constant |= dict.fromkeys(node.output, of_head)
        elif of_head:
            return str(moving[0])
        elif node.op_type in LAYERS and len(moving) == 1:
            linear = str(moving[0])
    if not linear:
        raise StorageError("The release's graph has no linear layer: there is no embedding to compare.")
    return linear


@dataclass(frozen=True)
class Raw:
    """A sample that is to be looked at. `load` raises DataError where it cannot be had."""

    id: str
    load: Callable[[], bytes]


@dataclass(frozen=True)
class Row:
    """A sample that was looked at; where there is a `reason` it could not be read, and the arrays are empty."""

    id: str
    sha256: str
    reason: str
    answer: Answers
    embedding: Embeddings
    statistics: Mapping[str, float]


@dataclass(frozen=True)
class _Decoded:
    raw: Raw
    sha256: str
    windows: Sequence[Window]
    reason: str
    statistics: Mapping[str, float]

    @property
    def nbytes(self) -> int:
        return sum(window.nbytes for window in self.windows)


def observe(bundle: Bundle, model: Observer, samples: Iterable[Raw], threads: int) -> Iterator[Row]:
    """A row for each sample, in order."""

    describe = statistics(bundle.task)

    def look(raw: Raw) -> _Decoded:
        digest = ""
        try:
            payload = raw.load()
            digest = sha256_bytes(payload)
            sample = bundle.modality.decode(payload)
        except DataError as error:
            return _Decoded(raw, digest, (), error.message, {})
        cut = bundle.modality.windows(sample)
        return _Decoded(raw, digest, cut, "", describe(bundle.modality, sample))

    with closing(in_order(look, samples, threads, 3 * model.batch)) as seen:
        for window in windows(seen, WINDOW * model.batch):
            yield from _answered(bundle.assembly, model, window)


def _answered(assembly: Assembly, model: Observer, neighbours: Sequence[_Decoded]) -> Iterator[Row]:
    """A sample's embedding is the mean of its rows'."""
    found: dict[Key, tuple[Answers, Embeddings]] = {}
    for keys, stack in stacked([item.windows for item in neighbours], model.batch):
        answers, embeddings = model.answers(stack)
        found |= zip(keys, zip(answers, embeddings, strict=True), strict=True)
    nothing: npt.NDArray[Any] = np.empty(0, dtype=np.float32)
    for place, item in enumerate(neighbours):
        rows = [found[place, number] for number in range(len(item.windows))]
        reason, answer, embedding = item.reason, nothing, nothing
        if rows:
            answer = assembly.merged(np.stack([row[0] for row in rows]), item.windows)
            embedding = rows[0][1] if len(rows) == 1 else np.mean([row[1] for row in rows], axis=0)
            if not all(np.isfinite(part).all() for row in rows for part in row):
                reason, answer, embedding = NOT_FINITE, nothing, nothing
        yield Row(item.raw.id, item.sha256, reason, answer, embedding, item.statistics)
