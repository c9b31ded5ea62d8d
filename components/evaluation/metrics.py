"""Metrics of classification, for samples with weights, and what kind of confidence interval each has.

Undefined values (a class that does not occur) are NaN here and become `None` in every file; NaN passes no gate.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from components.params.learning import LOWER_IS_BETTER

Floats = npt.NDArray[np.float64]
Classes = npt.NDArray[np.int64]
ECE_BINS = 15


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

    @cached_property
    def hit(self) -> Floats:
        return np.asarray(self.targets == self.decisions, dtype=np.float64)

    @property
    def asked(self) -> tuple[int, ...]:
        """The classes over which one-against-rest metrics are averaged."""
        return (self.positive,) if self.classes == 2 else tuple(range(self.classes))


# What a metric is made of; `components.evaluation.intervals` has a method for each.
Kind = Literal["proportion", "mean of proportions", "F1", "AUROC", "average precision", "calibration error"]


@dataclass(frozen=True)
class Metric:
    """A metric: its value for each of R weightings (R, N) of the samples, and what is known about it.

    Attributes:
        interval: its kind, which decides on the method of its confidence interval.
        better: whether a higher or a lower value is.
        range: the least and the greatest value.
    """

    value: Callable[[Outcome, Floats], Floats]
    interval: Kind
    better: Literal["higher", "lower"] = "higher"
    range: tuple[float, float] = (0.0, 1.0)

    def as_json(self) -> dict[str, object]:
        return {"better": self.better, "range": list(self.range), "interval": self.interval}


def accuracy(outcome: Outcome, weights: Floats) -> Floats:
    """Share of samples decided right."""
    return _divide(weights @ outcome.hit, weights.sum(axis=1))


def balanced_accuracy(outcome: Outcome, weights: Floats) -> Floats:
    """Mean over classes of the recall; undefined where a class does not occur."""
    recalls = []
    for index in range(outcome.classes):
        member = (outcome.targets == index).astype(np.float64)
        recalls.append(_divide(weights @ (member * outcome.hit), weights @ member))
    return np.asarray(np.mean(recalls, axis=0))


def f1(outcome: Outcome, weights: Floats) -> Floats:
    """2·TP / (2·TP + FP + FN) of the positive class, or the mean over classes."""
    values = []
    for index in outcome.asked:
        actual = (outcome.targets == index).astype(np.float64)
        said = (outcome.decisions == index).astype(np.float64)
        values.append(_divide(2 * weights @ (actual * said), weights @ actual + weights @ said))
    return np.asarray(np.mean(values, axis=0))


def auroc(outcome: Outcome, weights: Floats) -> Floats:
    """P(score of a positive > score of a negative) + half of P(equal); Hanley & McNeil, Radiology 1982."""
    values = []
    for index in outcome.asked:
        positive, negative = _by_score(outcome, weights, index)
        below = np.cumsum(negative[:, ::-1], axis=1)[:, ::-1] - negative
        wins = (positive * (below + negative / 2)).sum(axis=1)
        values.append(_divide(wins, positive.sum(axis=1) * negative.sum(axis=1)))
    return np.asarray(np.mean(values, axis=0))


def average_precision(outcome: Outcome, weights: Floats) -> Floats:
    """Σ (recall step · precision) over falling scores, without interpolation."""
    values = []
    for index in outcome.asked:
        positive, negative = _by_score(outcome, weights, index)
        true, said = np.cumsum(positive, axis=1), np.cumsum(positive + negative, axis=1)
        precision = np.divide(true, said, out=np.zeros_like(true), where=said > 0)
        values.append(_divide((positive * precision).sum(axis=1), positive.sum(axis=1)))
    return np.asarray(np.mean(values, axis=0))


def ece(outcome: Outcome, weights: Floats) -> Floats:
    """Expected calibration error of the top class in 15 equal bins (Guo et al., ICML 2017, eq. 3).

    Of samples it is larger than of the whole population: noise in a bin does not cancel that of others.
    """
    confidence = outcome.probabilities.max(axis=1)
    right = (outcome.probabilities.argmax(axis=1) == outcome.targets).astype(np.float64)
    bins = calibration_bins(confidence)
    total = np.zeros(len(weights))
    for index in range(ECE_BINS):
        member = bins == index
        if member.any():
            total += np.abs(weights[:, member] @ (right[member] - confidence[member]))
    return _divide(total, weights.sum(axis=1))


TABLE: dict[str, Metric] = {
    "accuracy": Metric(accuracy, "proportion"),
    "balanced_accuracy": Metric(balanced_accuracy, "mean of proportions"),
    "auroc": Metric(auroc, "AUROC"),
    "average_precision": Metric(average_precision, "average precision"),
    "f1": Metric(f1, "F1"),
    "ece": Metric(ece, "calibration error", better="lower"),
}


def calibration_bins(confidence: Floats) -> Classes:
    """(N,) index of the bin: ((m-1)/15, m/15] has index m-1, as in Guo et al.; a confidence of 0 lies in the first."""
    edges = np.arange(1, ECE_BINS) / ECE_BINS
    return np.searchsorted(edges, confidence, side="left")


def signed(name: str, number: float) -> float:
    """The metric turned so that more is better: for comparing candidates."""
    return -number if name in LOWER_IS_BETTER else number


def positive_class(name: str | None, classes: Sequence[str]) -> int:
    """Index of the class that one-sided metrics are about; the last one where none is named."""
    return len(classes) - 1 if name is None else classes.index(name)


def value(name: str, outcome: Outcome) -> float:
    """One metric of all samples, equally weighted; NaN where undefined.

    A probability that is not a number leaves every metric undefined: comparisons with it would still decide.
    """
    if len(outcome.targets) == 0 or not np.isfinite(outcome.probabilities).all():
        return float("nan")
    return float(TABLE[name].value(outcome, np.ones((1, len(outcome.targets))))[0])


def confusion(outcome: Outcome) -> npt.NDArray[np.int64]:
    """(C, C) counts: rows are actual classes, columns decisions."""
    table = np.zeros((outcome.classes, outcome.classes), dtype=np.int64)
    np.add.at(table, (outcome.targets, outcome.decisions), 1)
    return table


def _by_score(outcome: Outcome, weights: Floats, index: int) -> tuple[Floats, Floats]:
    """Weights of positives and negatives at each distinct score, falling: two arrays (R, distinct)."""
    scores = outcome.probabilities[:, index]
    order = np.argsort(-scores, kind="stable")
    starts = np.flatnonzero(np.concatenate([[True], np.diff(scores[order]) != 0]))
    positive = (outcome.targets[order] == index).astype(np.float64)
    ordered = weights[:, order]
    return (
        np.add.reduceat(ordered * positive, starts, axis=1),
        np.add.reduceat(ordered * (1 - positive), starts, axis=1),
    )


def _divide(above: Floats, below: Floats) -> Floats:
    return np.divide(above, below, out=np.full_like(above, np.nan), where=below > 0)
