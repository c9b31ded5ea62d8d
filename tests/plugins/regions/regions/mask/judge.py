"""Mean intersection over union, a function of the sum of a confusion matrix for each image; no mask is kept."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from components.evaluation.intervals import Metric
from components.evaluation.spread import Floats
from components.params.task import TaskParams
from components.problems.base import Column, Decisions, Description, Targets
from regions.influence import method
from regions.mask import KEPT


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a model said about N images: (N, regions, regions) pixels of a class that were called another; and whether
    all answers are numbers."""

    confusion: Floats
    finite: bool = True

    def __len__(self) -> int:
        return len(self.confusion)

    def only(self, chosen: npt.NDArray[np.bool_]) -> "Outcome":
        return Outcome(self.confusion[chosen], self.finite)

    @property
    def right(self) -> Floats:
        """(N, regions) pixels."""
        return np.diagonal(self.confusion, axis1=1, axis2=2)

    @property
    def union(self) -> Floats:
        """(N, regions) pixels that are of a class or were called so."""
        return np.asarray(self.confusion.sum(axis=1) + self.confusion.sum(axis=2) - self.right)

    @property
    def correct(self) -> Floats:
        return np.asarray(self.right.sum(axis=1) / self.confusion.sum(axis=(1, 2)))


def iou(outcome: Outcome) -> Floats:
    """(regions,), NaN of a class that no image has."""
    right, union = outcome.right.sum(axis=0), outcome.union.sum(axis=0)
    return np.where(union > 0, right / np.maximum(union, 1), math.nan)


def mean_iou(outcome: Outcome) -> float:
    found = iou(outcome)
    return float(found[~np.isnan(found)].mean()) if len(outcome) else math.nan


def _influence(outcome: Outcome) -> Floats:
    """How much of the mean hangs on each image: the derivative of a mean of ratios of sums."""
    ratios, total = iou(outcome), outcome.union.sum(axis=0)
    there = ~np.isnan(ratios)
    each = (outcome.right - ratios * outcome.union)[:, there] / total[there]
    return np.asarray(each.mean(axis=1))


TABLE: Mapping[str, Metric[Outcome]] = {
    "mean_iou": Metric(mean_iou, method("mean of ratios of sums", mean_iou, _influence)),
    "pixel_accuracy": Metric(
        lambda outcome: float(outcome.correct.mean()),
        method(
            "mean",
            lambda outcome: float(outcome.correct.mean()),
            lambda outcome: (outcome.correct - outcome.correct.mean()) / len(outcome),
        ),
    ),
}


class Judge:
    """See components.problems.base.Judge for what each member promises."""

    metrics = TABLE
    headline = ("mean_iou", "pixel_accuracy")
    kept = KEPT

    def __init__(self, task: TaskParams, description: Description) -> None:
        self._count = len(description["regions"])

    def outcome(self, targets: Targets, answers: npt.NDArray[Any], decisions: Decisions) -> Outcome:
        rows = [self._confusion(*pair) for pair in zip(targets, decisions, strict=True)]
        confusion = np.array(rows, dtype=np.float64).reshape(-1, self._count, self._count)
        return Outcome(confusion, bool(np.isfinite(answers).all()))

    def joined(self, outcomes: Sequence[Outcome]) -> Outcome:
        confusion = np.concatenate([one.confusion for one in outcomes])
        return Outcome(confusion, all(one.finite for one in outcomes))

    def _confusion(self, target: npt.NDArray[np.uint8], decided: npt.NDArray[np.uint8]) -> Floats:
        pairs = target.astype(np.int64) * self._count + decided.ravel()
        return np.bincount(pairs, minlength=self._count**2).astype(np.float64)

    def constants(self, targets: Targets) -> Mapping[str, Sequence[float]]:
        counts = np.bincount(np.concatenate(list(targets)), minlength=self._count)
        return {"commonest": np.eye(self._count)[counts.argmax()].tolist()}

    def columns(self, outcome: Outcome) -> Mapping[str, Column]:
        return {"confusion": list(outcome.confusion.reshape(len(outcome), -1))}

    def facts(self, outcome: Outcome) -> Mapping[str, object]:
        return {"iou": [None if math.isnan(value) else float(value) for value in iou(outcome)]}

    def restored(self, columns: Mapping[str, npt.NDArray[Any]]) -> Outcome:
        return Outcome(np.stack(list(columns["confusion"])).reshape(-1, self._count, self._count))

    def tables(self, outcome: Outcome) -> Mapping[str, tuple[Sequence[str], Sequence[Sequence[object]]]]:
        """confusion.csv: pixels of a class, by what they were called."""
        return {
            "confusion.csv": ([str(k) for k in range(self._count)], outcome.confusion.sum(axis=0).tolist())
        }
