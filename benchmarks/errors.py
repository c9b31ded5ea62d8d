"""Populations of regression's errors, of two models on the same samples, alone or in groups."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from components.problems.regression.judge.metrics import Outcome

Draw = np.random.Generator
Floats = npt.NDArray[np.float64]
Column = tuple[Floats, Floats, Floats]
ALIKE, COVERAGE = 0.2, 0.9
SMALLER = 10.0


def _mixed(draw: Draw, size: tuple[int, ...]) -> Floats:
    """One error in twenty is six times as large."""
    return draw.normal(size=size) * np.where(draw.random(size) < 0.05, 6.0, 1.0)


# Errors with mean 0.
ERRORS: Mapping[str, Callable[[Draw, tuple[int, ...]], Floats]] = {
    "normal": lambda draw, size: draw.normal(size=size),
    "skewed (exponential)": lambda draw, size: draw.exponential(size=size) - 1,
    "skewed (log-normal)": lambda draw, size: draw.lognormal(0, 0.8, size) - np.exp(0.32),
    "heavy tails (Laplace)": lambda draw, size: draw.laplace(size=size),
    "heavy tails (t, 5 degrees)": lambda draw, size: draw.standard_t(5, size),
    "rare large errors": _mixed,
}


@dataclass(frozen=True)
class Population:
    """Two models: the errors of the second are a part of the first's, and as much of their own.

    Attributes:
        errors: their shape, a key of ERRORS.
        members: samples of a group; 1: no groups.
        alike: the share of the variance of errors, and of the signal, that samples of a group have in common.
        numbers: of a sample. Each further one is in a unit that is SMALLER times smaller, and has half of the
            variance of its errors in common with the first.
    """

    errors: str
    members: int = 1
    alike: float | None = None
    numbers: int = 1

    @property
    def alone(self) -> "Population":
        """Samples with the same distribution that are independent."""
        return replace(self, members=1, alike=self._share)

    @property
    def _share(self) -> float:
        return self.alike if self.alike is not None else ALIKE if self.members > 1 else 0.0

    def groups(self, units: int) -> npt.NDArray[np.int64] | None:
        """(N,) group of each sample, where there are groups."""
        return np.repeat(np.arange(units), self.members) if self.members > 1 else None

    def sample(self, draw: Draw, units: int) -> tuple[Outcome, Outcome]:
        """So many samples, or groups of them."""
        columns = [self._column(draw, units)]
        columns += [_together(columns[0], self._column(draw, units)) for _ in range(self.numbers - 1)]
        signal, first, own = (np.concatenate(parts, axis=1) for parts in zip(*columns, strict=True))
        second = 0.8 * first + 0.75 * own
        targets = signal - first
        return _outcome(targets, signal), _outcome(targets, targets + second)

    def _column(self, draw: Draw, units: int) -> Column:
        """Signal, errors of the first model, and the second's own: (N, 1) each."""
        made = ERRORS[self.errors]
        signal, first, own = (self._drawn(each, draw, units) for each in (ERRORS["normal"], made, made))
        return signal, first, own

    def _drawn(self, made: Callable[[Draw, tuple[int, ...]], Floats], draw: Draw, units: int) -> Floats:
        """(N, 1)"""
        own = made(draw, (units, self.members))
        if self._share:
            own = np.sqrt(self._share) * made(draw, (units, 1)) + np.sqrt(1 - self._share) * own
        return np.asarray(own.reshape(-1, 1))


def _together(first: Column, other: Column) -> Column:
    """The other's signal; errors of which half of the variance is the first's."""
    errors, own = (np.sqrt(0.5) * (ours + theirs) for ours, theirs in zip(first[1:], other[1:], strict=True))
    return other[0], np.asarray(errors), np.asarray(own)


def _outcome(targets: Floats, prediction: Floats) -> Outcome:
    widths = 1.5 + 0.3 * np.abs(prediction)  # they differ, as those of learned quantiles do
    unit = np.asarray(SMALLER ** np.arange(targets.shape[1]), dtype=np.float64)
    low, high = prediction - widths, prediction + widths
    return Outcome(targets * unit, prediction * unit, low * unit, high * unit, unit, COVERAGE)
