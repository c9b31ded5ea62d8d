"""Around a release's graph: what cuts a sample into rows, and what merges the answers to them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from components.data.ahead import stacks
from components.modalities.base import Modality, Sample
from components.problems.base import Decision, Decisions, Judge, Targets
from components.problems.windows import Window

Array = npt.NDArray[np.generic]
Key = tuple[int, int]  # a row: the place of its sample, and the number of the window
Decide = Callable[[Array], tuple[Array, Decisions]]
JUDGED = 32  # samples whose answers are kept at once where these have axes


@dataclass(frozen=True)
class Assembly:
    """A modality's windows, and how a problem puts them together again. Where samples are not cut, it does nothing."""

    modality: Modality
    decision: Decision

    def windows(self, payload: bytes) -> Sequence[Window]:
        """The rows of a raw sample. DataError as `Modality.decode`."""
        return self.modality.windows(self.modality.decode(payload))

    def merged(self, rows: Array, windows: Sequence[Window]) -> Array:
        """(windows, columns, *axes) of one sample → its answer, in double precision: all who ask decide alike."""
        if self.modality.windowing is None:
            return np.asarray(rows[0])
        return np.asarray(self.decision.merge(np.asarray(rows, dtype=np.float64), windows))

    def together(self, answers: Sequence[Array]) -> Array:
        """Answers of N samples as `Decision` takes them: (N, columns, *axes), or (N,) objects of their own shapes.

        A baseline may answer with fewer columns than the release, or with more: one has intervals, the other none.
        """
        if self.modality.windowing is not None and self.decision.ragged:
            return objects(answers)
        return np.stack(answers) if answers else np.empty((0, *self._shape))

    def judged(
        self, answers: Iterable[Array], targets: Targets, judge: Judge, decide: Decide | None = None
    ) -> Any:
        """The Outcome of N samples by their answers, which come one by one; of those with axes JUDGED are kept at once.

        `decide` gives answers and decisions as the judge takes them; None: as this decision decides.
        """
        decide = decide or (lambda some: (some, self.decision(some)))
        if not self.decision.axes:
            return judge.outcome(targets, *decide(self.together(list(answers))))
        found, given = [], iter(answers)
        for start in range(0, len(targets), JUDGED):
            part = targets[start : start + JUDGED]
            found.append(judge.outcome(part, *decide(self.together(list(islice(given, len(part)))))))
        return judge.joined(found)

    def constant(self, row: Array, read: Callable[[], bytes]) -> Array:
        """The answer for a sample of which each row gets the answer `row` (columns,), all along the axes; it is read
        only to be cut."""
        whole = self._along(row)
        if self.modality.windowing is None:
            return whole
        windows = self.windows(read())
        return self.merged(np.stack([whole] * len(windows)), [window.place for window in windows])

    def blank(self) -> Array:
        """An answer that stands where there is none: of zeros."""
        row = self._along(np.zeros(len(self.decision.columns), dtype=np.float32))
        takes = self.modality.signature
        windows = self.modality.windows(np.zeros(takes.example[1:], takes.dtype))
        return self.merged(np.stack([row] * len(windows)), windows)

    @property
    def _shape(self) -> tuple[int, ...]:
        return len(self.decision.columns), *self.decision.axes

    def _along(self, row: Array) -> Array:
        axes = self.decision.axes
        return np.broadcast_to(row.reshape(-1, *(1 for _ in axes)), (len(row), *axes)) if axes else row


def stacked(samples: Sequence[Sequence[Window]], batch: int) -> Iterator[tuple[Sequence[Key], Sample]]:
    """Rows of samples in stacks of one shape, at most `batch` together, however shapes are mixed."""
    rows = {
        (place, number): window.sample
        for place, cut in enumerate(samples)
        for number, window in enumerate(cut)
    }
    order = sorted(rows, key=lambda key: rows[key].shape)
    at = 0
    for stack in stacks((rows[key] for key in order), batch):
        yield order[at : at + len(stack)], stack
        at += len(stack)


def objects(values: Sequence[Array]) -> Array:
    """(N,) objects, also where all have one shape."""
    found = np.empty(len(values), dtype=object)
    for place, value in enumerate(values):
        found[place] = value
    return found
