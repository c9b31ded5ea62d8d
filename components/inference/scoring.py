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

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from components.data.ahead import in_order, stacks, windows
from components.errors import DataError, GraftlineError, first_line
from components.inference.bundle import BATCH, WINDOW, Answers, Bundle, Runner
from components.inference.inputs import Input, Inputs
from components.inference.observing import Embeddings, observer
from components.inference.plan import Model, Output, Plan
from components.modalities.base import Sample
from components.problems.base import Column
from components.runtime.sessions import PROVIDERS

Answer = tuple[Answers, Embeddings | None]

NOT_FINITE = "the model's answer is not finite"


@dataclass(frozen=True, slots=True)
class Seen:
    """An input that was read: a sample, or the reason why there is none.

    Attributes:
        sha256: of its bytes; None where there are none.
    """

    id: str
    sha256: str | None
    sample: Sample | None
    reason: str | None

    @property
    def nbytes(self) -> int:
        return self.sample.nbytes if self.sample is not None else 0


class _Part:
    """Rows of a part, filled as they come."""

    def __init__(self, number: int, size: int, columns: int) -> None:
        self.number = number
        self.size = size
        self.ids: list[str] = []
        self.digests: list[str | None] = []
        self.reasons: list[str | None] = []
        self.unanswered: list[int] = []  # places of what was not read: no batch will bring them
        self.answers = np.full((size, columns), np.nan, dtype=np.float32)
        self.embeddings: Embeddings | None = None

    @property
    def unreadable(self) -> int:
        return sum(reason is not None for reason in self.reasons)

    def add(self, item: Seen) -> None:
        if item.sample is None:
            self.unanswered.append(len(self.ids))
        self.ids.append(item.id)
        self.digests.append(item.sha256)
        self.reasons.append(item.reason)

    def fill(self, places: Sequence[int], answer: Answer) -> None:
        rows, embeddings = answer
        self.answers[list(places)] = rows
        for place, row in zip(places, rows, strict=True):
            if not np.isfinite(row).all():
                self.reasons[place] = NOT_FINITE
        if embeddings is None:
            return
        if self.embeddings is None:
            self.embeddings = np.zeros((self.size, embeddings.shape[1]), dtype=np.float32)
        self.embeddings[list(places)] = embeddings


@dataclass(frozen=True)
class _Batch:
    """Samples of one shape, and where in their part they belong; `last` of its part."""

    part: _Part
    places: Sequence[int]
    samples: Sample | None = None
    last: bool = False

    @property
    def nbytes(self) -> int:
        return self.samples.nbytes if self.samples is not None else 0


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
                        batch.part.fill(batch.places, answer)
                    if batch.last:
                        self._publish(batch.part, output)
                    advance(len(batch.places))

    def _look(self, item: Input) -> Seen:
        digest = None
        try:
            payload = item.load()
            digest = hashlib.sha256(payload).hexdigest()
            return Seen(item.id, digest, self._bundle.modality.decode(payload), None)
        except DataError as error:
            return Seen(item.id, digest, None, error.message)

    def _batches(self, seen: Iterator[Seen], plan: Plan, wanted: Iterable[int]) -> Iterator[_Batch]:
        """Part by part: its samples, neighbours of one shape together; then, without samples, all the others."""
        for number in wanted:
            part = _Part(number, plan.size(number), len(self._bundle.decision.columns))
            for window in windows(islice(seen, part.size), WINDOW * BATCH):
                yield from self._of_window(part, window)
            yield _Batch(part, part.unanswered, last=True)

    def _of_window(self, part: _Part, window: Sequence[Seen]) -> Iterator[_Batch]:
        first = len(part.ids)
        samples: dict[int, Sample] = {}
        for place, item in enumerate(window, first):
            part.add(item)
            if item.sample is not None:
                samples[place] = item.sample
        order = sorted(samples, key=lambda place: samples[place].shape)
        at = 0
        for stack in stacks((samples[place] for place in order), self._runner.batch):
            yield _Batch(part, order[at : at + len(stack)], stack)
            at += len(stack)

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
            names = ", ".join(batch.part.ids[place] for place in batch.places)
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
        for name, values in bundle.decision.written(np.nan_to_num(part.answers)).items():
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
    """Numbers as they are, lists as lists, all else as texts; nothing where `absent`."""
    if isinstance(values, np.ndarray):
        return pa.array(values, mask=absent)
    kept = [None if gone else value for gone, value in zip(absent, values, strict=True)]
    lists = any(isinstance(value, list | tuple) for value in values)
    return pa.array(kept, pa.list_(pa.string()) if lists else pa.string())


def _lists(embeddings: Embeddings | None, absent: npt.NDArray[np.bool_], width: int) -> pa.Array:
    """A list a row, none where `absent`; of one type whether there are any or not."""
    lengths = np.where(absent, 0, width)
    kept = np.empty(0, np.float32) if embeddings is None else embeddings[~absent].reshape(-1)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(kept, pa.float32()), mask=pa.array(absent))
