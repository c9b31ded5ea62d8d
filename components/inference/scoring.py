"""Scoring many inputs: decoded by threads, run in batches by one session, written part by part.

On CPUs several threads ask the one session at once, each for a small batch on one core: no core waits for another,
and no result depends on how many there are. No batch crosses the border of a part, so that a part's bytes do not
depend on which parts were there already.
"""

import hashlib
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from components.data.ahead import in_order, windows
from components.errors import DataError, GraftlineError, first_line
from components.inference.assembly import Assembly, Key, stacked
from components.inference.bundle import BATCH, WINDOW, Answers, Bundle, Runner
from components.inference.inputs import Input, Inputs
from components.inference.observing import NOT_FINITE, Embeddings, observer
from components.inference.plan import Model, Output, Plan
from components.modalities.base import Sample
from components.problems.base import Column
from components.problems.windows import Window
from components.runtime.sessions import PROVIDERS

Answer = tuple[Answers, Embeddings | None]


@dataclass(frozen=True, slots=True)
class Seen:
    """An input that was read: a sample's windows, or the reason why there is none.

    Attributes:
        sha256: of its bytes; None where there are none.
    """

    id: str
    sha256: str | None
    windows: Sequence[Window]
    reason: str | None

    @property
    def nbytes(self) -> int:
        return sum(window.nbytes for window in self.windows)


class _Part:
    """Rows of a part, filled as they come."""

    def __init__(self, number: int, size: int) -> None:
        self.number = number
        self.size = size
        self.ids: list[str] = []
        self.digests: list[str | None] = []
        self.reasons: list[str | None] = []
        self.unanswered: list[int] = []  # places of what was not read: no batch will bring them
        self.places: list[Sequence[Window]] = []  # of each sample's windows
        self.rows: dict[Key, Answers] = {}
        self.embeddings: Embeddings | None = None

    @property
    def unreadable(self) -> int:
        return sum(reason is not None for reason in self.reasons)

    def add(self, item: Seen) -> None:
        if not item.windows:
            self.unanswered.append(len(self.ids))
        self.ids.append(item.id)
        self.digests.append(item.sha256)
        self.reasons.append(item.reason)
        self.places.append([window.place for window in item.windows])

    def fill(self, keys: Sequence[Key], answer: Answer) -> None:
        rows, embeddings = answer
        for key, row in zip(keys, rows, strict=True):
            self.rows[key] = row
            if not np.isfinite(row).all():
                self.reasons[key[0]] = NOT_FINITE
        if embeddings is None:
            return
        if self.embeddings is None:
            self.embeddings = np.zeros((self.size, embeddings.shape[1]), dtype=np.float32)
        for (place, _), embedding in zip(keys, embeddings, strict=True):  # the mean of a sample's rows
            count = len(self.places[place])
            self.embeddings[place] = embedding if count == 1 else self.embeddings[place] + embedding / count

    def answers(self, assembly: Assembly) -> npt.NDArray[Any]:
        """(size, …) as the problem decides by them; blank where there is none."""
        blank = assembly.blank()
        found = []
        for place, (cut, reason) in enumerate(zip(self.places, self.reasons, strict=True)):
            rows = [self.rows[place, number] for number in range(len(cut))]
            found.append(blank if reason is not None else assembly.merged(np.stack(rows), cut))
        return assembly.together(found)


@dataclass(frozen=True)
class _Batch:
    """Rows of one shape, and their keys in the part; `last` of its part."""

    part: _Part
    keys: Sequence[Key]
    samples: Sample | None = None
    last: bool = False

    @property
    def nbytes(self) -> int:
        return self.samples.nbytes if self.samples is not None else 0

    @property
    def begun(self) -> int:
        """How many samples' first rows it holds."""
        return sum(number == 0 for _, number in self.keys)


class Scorer:
    """A release in one session.

    Attributes:
        provider: the active one.
    """

    def __init__(
        self, bundle: Bundle, model: Model, providers: Sequence[str], cores: int, embeddings: bool = False
    ) -> None:
        """Raises ProviderError, DigestMismatch, or StorageError for a model beyond the limits."""
        self._bundle = bundle
        self._assembly = bundle.assembly
        self._model = model
        self._cores = cores
        on_cpu = providers[0] == "cpu"
        threads = 1 if on_cpu else cores
        self._observer = observer(bundle, providers, threads) if embeddings else None
        self._runner: Runner = self._observer or bundle.runner(providers, threads)
        self._callers = cores if on_cpu else 1
        self.provider = self._runner.provider
        assert on_cpu == (self.provider == PROVIDERS["cpu"])  # open_session refuses anything else

    def score(
        self, inputs: Inputs, output: Output, wanted: Sequence[int], advance: Callable[[int], object]
    ) -> None:
        """Write the parts `wanted`, in rising order. `advance` hears how many rows more are there."""
        chosen = output.plan.chosen(inputs, wanted)
        # A whole window ahead: while one is scored, the next is decoded.
        with closing(in_order(self._look, chosen, self._cores, WINDOW * BATCH)) as seen:
            batches = self._batches(seen, output.plan, wanted)
            with closing(in_order(self._answer, batches, self._callers, 2 * self._callers)) as answers:
                for batch, answer in answers:
                    if answer is not None:
                        batch.part.fill(batch.keys, answer)
                    if batch.last:
                        self._publish(batch.part, output)
                    advance(batch.begun)

    def _look(self, item: Input) -> Seen:
        digest = None
        try:
            payload = item.load()
            digest = hashlib.sha256(payload).hexdigest()
            return Seen(item.id, digest, self._assembly.windows(payload), None)
        except DataError as error:
            return Seen(item.id, digest, (), error.message)

    def _batches(self, seen: Iterator[Seen], plan: Plan, wanted: Iterable[int]) -> Iterator[_Batch]:
        """Part by part: its rows, neighbours of one shape together; then, without rows, all the others."""
        for number in wanted:
            part = _Part(number, plan.size(number))
            for neighbours in windows(islice(seen, part.size), WINDOW * BATCH):
                yield from self._of_neighbours(part, neighbours)
            yield _Batch(part, [(place, 0) for place in part.unanswered], last=True)

    def _of_neighbours(self, part: _Part, neighbours: Sequence[Seen]) -> Iterator[_Batch]:
        first = len(part.ids)
        for item in neighbours:
            part.add(item)
        for keys, stack in stacked([item.windows for item in neighbours], self._runner.batch):
            yield _Batch(part, [(first + place, number) for place, number in keys], stack)

    def _answer(self, batch: _Batch) -> tuple[_Batch, Answer | None]:
        if batch.samples is None:
            return batch, None
        try:
            if self._observer is not None:
                return batch, self._observer.answers(batch.samples)
            return batch, (self._runner.run(batch.samples), None)
        except MemoryError:
            raise
        except Exception as error:  # onnxruntime's own exceptions share no base but this one
            names = ", ".join(dict.fromkeys(batch.part.ids[place] for place, _ in batch.keys))
            raise GraftlineError(
                f"The model failed at one of {names} (shape {batch.samples.shape[1:]}): {first_line(error)}.",
                "Take it out and name a new --output; or, if memory ran out, run the same command with more.",
            ) from error

    def _publish(self, part: _Part, output: Output) -> None:
        facts = {"rows": part.size, "unreadable": part.unreadable, "provider": self.provider}
        sink = io.BytesIO()
        pq.write_table(self._table(part), sink, compression="zstd")
        output.publish(part.number, sink.getbuffer(), facts)

    def _table(self, part: _Part) -> pa.Table:
        """One row an input; where there is a reason, neither an answer nor a decision."""
        bundle, model = self._bundle, self._model
        absent = np.array([reason is not None for reason in part.reasons])
        columns = {"id": pa.array(part.ids, pa.string())}
        for name, values in bundle.decision.written(part.answers(self._assembly)).items():
            columns[name] = _column(values, absent)
        columns["reason"] = pa.array(part.reasons, pa.string())
        columns["sha256"] = pa.array(part.digests, pa.string())
        for key, value in (("model", model.name), ("version", model.version)):
            columns[key] = pa.array([value] * part.size, pa.string())
        columns["release_sha256"] = pa.array([model.release_sha256] * part.size, pa.string())
        if self._observer is not None:
            columns["embedding"] = _lists(part.embeddings, absent, self._observer.width)
        return pa.table(columns)


def _column(values: Column, absent: npt.NDArray[np.bool_]) -> pa.Array:
    """Numbers as they are, lists as lists of numbers or texts, all else as texts; nothing where `absent`."""
    if isinstance(values, np.ndarray) and values.dtype != object:
        return pa.array(values, mask=absent)
    kept = [None if gone else value for gone, value in zip(absent, values, strict=True)]
    return pa.array(kept, _kind(values))


def _kind(values: Column) -> pa.DataType:
    """Of arrays, lists of their numbers: the type does not depend on which are empty or absent."""
    first = next(iter(values), "")
    if isinstance(first, np.ndarray):
        return pa.list_(pa.from_numpy_dtype(first.dtype))
    return pa.list_(pa.string()) if any(isinstance(v, list | tuple) for v in values) else pa.string()


def _lists(embeddings: Embeddings | None, absent: npt.NDArray[np.bool_], width: int) -> pa.Array:
    """A list a row, none where `absent`; of one type whether there are any or not."""
    lengths = np.where(absent, 0, width)
    kept = np.empty(0, np.float32) if embeddings is None else embeddings[~absent].reshape(-1)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(kept, pa.float32()), mask=pa.array(absent))
