"""Rows of a sample, where a modality cuts it into several, and what they mean where targets are of whole samples."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from components.problems.steps import Steps

Array = npt.NDArray[Any]
NOTHING: Array = np.empty(0, dtype=np.uint8)


@dataclass(frozen=True, slots=True)
class Window:
    """A row of a sample: what the graph takes, and where in the sample it lies.

    Attributes:
        sample: as the graph takes it; empty where only the place is kept.
        start, stop: for each axis that was cut, the half-open range of the sample that the row shows; what it holds
            beyond that is padding. Empty where the row is the whole sample.
    """

    sample: Array
    start: tuple[int, ...] = ()
    stop: tuple[int, ...] = ()

    @property
    def nbytes(self) -> int:
        return self.sample.nbytes

    @property
    def place(self) -> "Window":
        """Where it lies, without what it shows."""
        return Window(NOTHING, self.start, self.stop)


class WholeTargets:
    """A window has its sample's target."""

    def of_windows(self, targets: Array, windows: Sequence[Window]) -> Array:
        return np.repeat(targets, len(windows), axis=0)


class PlainTargets:
    """Targets are numbers in rows of one shape: what a loss takes."""

    def collate(self, targets: Array) -> Array:
        return targets


class RowAnswers:
    """An answer is a row of numbers, one for each column, and the operators that every release may have give it."""

    axes: tuple[int, ...] = ()
    operators: Mapping[str, int] = MappingProxyType({})
    steps: Steps | None = None
    ragged = False


class MeanAnswers(RowAnswers):
    """A sample's answer is the mean of its windows'."""

    def merge(self, answers: Array, windows: Sequence[Window]) -> Array:
        return np.asarray(answers.mean(axis=0))


class LargestAnswers(RowAnswers):
    """A sample has what one of its windows has."""

    def merge(self, answers: Array, windows: Sequence[Window]) -> Array:
        return np.asarray(answers.max(axis=0))
