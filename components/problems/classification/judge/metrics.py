"""Metrics of classification.

Undefined values (a class that does not occur) are NaN here and become `None` in every file; NaN passes no gate.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from components.evaluation.calibration_error import Gaps
from components.evaluation.spread import Floats

Classes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Outcome:
    """What a model said about N samples.

    Attributes:
        targets: (N,) class indices.
        probabilities: (N, C).
        decisions: (N,) class indices.
        positive: with two classes, the one that f1, AUROC and average precision are about.
    """

    targets: Classes
    probabilities: Floats
    decisions: Classes
    positive: int = 1

    @property
    def classes(self) -> int:
        return int(self.probabilities.shape[1])

    def __len__(self) -> int:
        return len(self.targets)

    @cached_property
    def correct(self) -> Floats:
        return np.asarray(self.targets == self.decisions, dtype=np.float64)

    @cached_property
    def gaps(self) -> Gaps:
        """Of the class with the highest probability."""
        top = self.probabilities.argmax(axis=1)
        return Gaps.of_one(self.probabilities.max(axis=1), top == self.targets)

    @property
    def finite(self) -> bool:
        return bool(np.isfinite(self.probabilities).all())

    def only(self, chosen: npt.NDArray[np.bool_]) -> "Outcome":
        """The outcome on some of the samples."""
        rows = self.targets[chosen], self.probabilities[chosen], self.decisions[chosen]
        return Outcome(*rows, self.positive)

    @property
    def asked(self) -> tuple[int, ...]:
        """The classes over which one-against-rest metrics are averaged."""
        return (self.positive,) if self.classes == 2 else tuple(range(self.classes))


def accuracy(outcome: Outcome) -> float:
    """Share of samples decided right."""
    return float(outcome.correct.mean())


def balanced_accuracy(outcome: Outcome) -> float:
    """Mean over classes of the recall; undefined where a class does not occur."""
    counts, right = _counts(outcome.targets, outcome), _counts(outcome.targets, outcome, outcome.correct)
    return float(np.mean(_divide(right, counts)))


def f1(outcome: Outcome) -> float:
    """2·TP / (2·TP + FP + FN) of the positive class, or the mean over classes."""
    asked = list(outcome.asked)
    both = _counts(outcome.targets, outcome, outcome.correct)[asked]
    sides = (_counts(outcome.targets, outcome) + _counts(outcome.decisions, outcome))[asked]
    return float(np.mean(_divide(2 * both, sides)))


def auroc(outcome: Outcome) -> float:
    """P(score of a positive > score of a negative) + half of P(equal); Hanley & McNeil, Radiology 1982."""
    return float(np.mean([area(outcome.probabilities[:, i], outcome.targets == i) for i in outcome.asked]))


def area(scores: Floats, positive: npt.NDArray[np.bool_]) -> float:
    """AUROC of scores (N,) for positives (N,); NaN where either kind is missing."""
    hits, others = _by_score(scores, positive)
    below = np.cumsum(others[::-1])[::-1] - others
    wins = (hits * (below + others / 2)).sum()
    return float(wins / (hits.sum() * others.sum())) if hits.sum() * others.sum() > 0 else float("nan")


def average_precision(outcome: Outcome) -> float:
    """Σ (recall step · precision) over falling scores, without interpolation."""
    found = [precision_of(outcome.probabilities[:, i], outcome.targets == i) for i in outcome.asked]
    return float(np.mean(found))


def precision_of(scores: Floats, positive: npt.NDArray[np.bool_]) -> float:
    """Average precision of scores (N,) for positives (N,); NaN where there are none."""
    hits, others = _by_score(scores, positive)
    true, predicted = np.cumsum(hits), np.cumsum(hits + others)
    return float((hits * true / predicted).sum() / hits.sum()) if hits.sum() > 0 else float("nan")


def ece(outcome: Outcome) -> float:
    """Expected calibration error of the top class in 15 equal bins."""
    return outcome.gaps.error


def confusion(outcome: Outcome) -> npt.NDArray[np.int64]:
    """(C, C) counts: rows are actual classes, columns decisions."""
    table = np.zeros((outcome.classes, outcome.classes), dtype=np.int64)
    np.add.at(table, (outcome.targets, outcome.decisions), 1)
    return table


def _by_score(scores: Floats, positive: npt.NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Positives and others at each distinct score, falling: two arrays (distinct,)."""
    _, place = np.unique(-scores, return_inverse=True)
    hits = np.bincount(place, weights=positive.astype(np.float64))
    return np.asarray(hits, dtype=np.float64), np.asarray(np.bincount(place) - hits, dtype=np.float64)


def _counts(members: Classes, outcome: Outcome, weights: Floats | None = None) -> Floats:
    return np.asarray(np.bincount(members, weights=weights, minlength=outcome.classes), dtype=np.float64)


def _divide(above: Floats, below: Floats) -> Floats:
    return np.divide(above, below, out=np.full_like(above, np.nan), where=below > 0)
