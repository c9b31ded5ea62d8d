"""Metrics of regression. Undefined values are NaN here and become `None` in every file; NaN passes no gate.

Of one number, errors are in its unit. Of several, each is divided by the standard deviation of its training targets,
and the mean over numbers counts; coverage is that of the number whose intervals hold the fewest targets.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from components.evaluation.spread import Floats

Places = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a model said about N samples of k numbers.

    Attributes:
        targets, prediction: (N, k).
        low, high: (N, k) ends of the prediction intervals; NaN where there is none.
        unit: (k,), what errors are divided by: 1 of one number; of several, whose units may differ, the standard
            deviations of their training targets.
        coverage: that the intervals are for.
    """

    targets: Floats
    prediction: Floats
    low: Floats
    high: Floats
    unit: Floats
    coverage: float

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def finite(self) -> bool:
        return bool(np.isfinite(self.prediction).all())

    def only(self, chosen: npt.NDArray[np.bool_]) -> "Outcome":
        """The outcome on some of the samples."""
        rows = (self.targets[chosen], self.prediction[chosen], self.low[chosen], self.high[chosen])
        return Outcome(*rows, self.unit, self.coverage)

    def number(self, index: int) -> "Outcome":
        """The outcome of one of several numbers, whose errors are in its unit."""
        of = slice(index, index + 1)
        kept = (self.targets[:, of], self.prediction[:, of], self.low[:, of], self.high[:, of])
        return Outcome(*kept, np.ones(1), self.coverage)

    @cached_property
    def error(self) -> Floats:
        """(N, k) prediction - target."""
        return np.asarray((self.prediction - self.targets) / self.unit)

    @property
    def correct(self) -> Floats:
        """(N,) minus the absolute error: more is better."""
        return -self.absolute

    @cached_property
    def absolute(self) -> Floats:
        """(N,)"""
        return np.asarray(np.abs(self.error).mean(axis=1))

    @cached_property
    def square(self) -> Floats:
        """(N,)"""
        return np.asarray((self.error**2).mean(axis=1))

    @cached_property
    def covered(self) -> Floats:
        """(N, k) 1 where a number lies within its interval, else 0; NaN where there is none."""
        inside = (self.low <= self.targets) & (self.targets <= self.high)
        return np.asarray(np.where(np.isnan(self.low + self.high), np.nan, inside))

    @cached_property
    def width(self) -> Floats:
        """(N,)"""
        return np.asarray(((self.high - self.low) / self.unit).mean(axis=1))

    @cached_property
    def places(self) -> tuple[Places, Places]:
        """(k, N) each: which of the distinct values, rising, a target and a prediction is."""
        return _places(self.targets), _places(self.prediction)

    @cached_property
    def pinball(self) -> Floats:
        """(N,) mean loss of the prediction as the median, and of both ends as quantiles."""
        tails = (1 - self.coverage) / 2, (1 + self.coverage) / 2
        ends = ((0.5, self.prediction), (tails[0], self.low), (tails[1], self.high))
        losses = [_pinball((self.targets - said) / self.unit, level) for level, said in ends]
        return np.asarray(np.mean(losses, axis=(0, 2)))


def _pinball(difference: Floats, level: float) -> Floats:
    """Koenker & Bassett, Econometrica 46 (1978)."""
    return np.maximum(level * difference, (level - 1) * difference)


def rmse(outcome: Outcome) -> float:
    """√ mean squared error."""
    return float(np.sqrt(outcome.square.mean()))


def mae(outcome: Outcome) -> float:
    """Mean absolute error."""
    return float(outcome.absolute.mean())


def r2(outcome: Outcome) -> float:
    """1 - Σ (y - ŷ)² / Σ (y - ȳ)², ȳ the mean of these targets; NaN where all are equal."""
    return float(np.mean(1 - unexplained(outcome)))


def unexplained(outcome: Outcome) -> Floats:
    """(k,) squared errors as a share of the targets' squared distances from their mean."""
    total = ((outcome.targets - outcome.targets.mean(axis=0)) ** 2).sum(axis=0)
    squares = ((outcome.prediction - outcome.targets) ** 2).sum(axis=0)
    return np.asarray(np.divide(squares, total, out=np.full(len(total), np.nan), where=total > 0))


def spearman(outcome: Outcome) -> float:
    """Correlation of ranks, equal values sharing theirs (Spearman 1904).

    NaN where all targets are equal; 0 where all predictions are, which order nothing.
    """
    return float(np.mean([_spearman(*map(ranks, places)) for places in zip(*outcome.places, strict=True)]))


def _places(values: Floats) -> Places:
    """(N, k) → (k, N)"""
    return np.stack([np.unique(column, return_inverse=True)[1] for column in values.T])


def ranks(places: Places) -> Floats:
    """(N,) → shares of the samples that lie below, and half of those that are equal, less one half: -½ to ½."""
    counts = np.bincount(places)
    return np.asarray((np.cumsum(counts) - counts / 2)[places] / len(places) - 0.5)


def _spearman(one: Floats, other: Floats) -> float:
    scale = float((one**2).sum()) * float((other**2).sum())
    if not (one**2).sum() > 0:
        return float("nan")
    return float((one * other).sum() / np.sqrt(scale)) if scale > 0 else 0.0


def pinball(outcome: Outcome) -> float:
    """Mean over the prediction and both ends of its interval of the quantile loss."""
    return float(outcome.pinball.mean())


def coverage(outcome: Outcome) -> float:
    """Share of the samples that lie within their prediction interval; of several numbers, that of the worst."""
    return float(outcome.covered.mean(axis=0).min())


def interval_width(outcome: Outcome) -> float:
    """Mean width of the prediction intervals."""
    return float(outcome.width.mean())
