"""F1 of all positions, and the share of samples whose list is exact."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from components.evaluation.intervals import Ends, Method, Metric
from components.evaluation.spread import Floats, Plan, spread
from components.params.task import TaskParams
from components.problems.base import Column, Decisions, Description, Targets
from marks.mark import KEPT
from marks.mark.params import MarkParams
from marks.mark.target import ragged

LEAST = 30  # samples


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a model said about N samples: lists of positions, (N,) objects each; and whether all answers are numbers."""

    targets: npt.NDArray[Any]
    decided: npt.NDArray[Any]
    finite: bool = True

    def __len__(self) -> int:
        return len(self.targets)

    def only(self, chosen: npt.NDArray[np.bool_]) -> "Outcome":
        return Outcome(self.targets[chosen], self.decided[chosen], self.finite)

    @cached_property
    def hits(self) -> Floats:
        """(N,) positions that are marked and were found."""
        pairs = zip(self.targets, self.decided, strict=True)
        return np.array([len(np.intersect1d(one, other)) for one, other in pairs], dtype=np.float64)

    @cached_property
    def marks(self) -> Floats:
        """(N,) positions that are marked, and those that were found."""
        pairs = zip(self.targets, self.decided, strict=True)
        return np.array([len(one) + len(other) for one, other in pairs], dtype=np.float64)

    @property
    def correct(self) -> Floats:
        """(N,) F1 of each sample; 1 where nothing is marked or found."""
        return np.where(self.marks > 0, 2 * self.hits / np.maximum(self.marks, 1), 1.0)

    @property
    def exact(self) -> Floats:
        return np.asarray(2 * self.hits == self.marks, dtype=np.float64)


def f1(outcome: Outcome) -> float:
    total = float(outcome.marks.sum())
    return 2 * float(outcome.hits.sum()) / total if total else math.nan


def _influence(outcome: Outcome) -> Floats:
    """How much of the F1 hangs on each sample: the derivative of the ratio of two sums."""
    return np.asarray((2 * outcome.hits - f1(outcome) * outcome.marks) / outcome.marks.sum())


def _within(middle: float, influence: Floats, plan: Plan) -> Ends:
    """Student's t of influences; no narrower than samples that were not met could make it."""
    unseen = min(1.0, -math.log(plan.tail) / len(influence))
    off = max(spread(influence, plan).off, unseen)
    return middle - off, middle + off


def _exact(outcome: Outcome, plan: Plan) -> Ends:
    middle = float(outcome.exact.mean())
    return _within(middle, (outcome.exact - middle) / len(outcome), plan)


TABLE: Mapping[str, Metric[Outcome]] = {
    "position_f1": Metric(
        f1,
        Method(
            "ratio of sums",
            "t of influences",
            lambda one, plan: _within(f1(one), _influence(one), plan),
            "t of differences",
            lambda one, other, plan: _within(f1(one) - f1(other), _influence(one) - _influence(other), plan),
            LEAST,
        ),
    ),
    "exact": Metric(
        lambda outcome: float(outcome.exact.mean()),
        Method(
            "share of samples",
            "t",
            _exact,
            "t of differences",
            lambda one, other, plan: _within(
                float((one.exact - other.exact).mean()),
                (one.exact - other.exact - (one.exact - other.exact).mean()) / len(one),
                plan,
            ),
            LEAST,
        ),
    ),
}


class Judge:
    """See components.problems.base.Judge for what each member promises."""

    metrics = TABLE
    headline = ("position_f1", "exact")
    kept = KEPT

    def __init__(self, task: TaskParams, description: Description) -> None:
        self._length = task.options(MarkParams).length

    def outcome(self, targets: Targets, answers: npt.NDArray[Any], decisions: Decisions) -> Outcome:
        return Outcome(targets, decisions, all(np.isfinite(row).all() for row in answers))

    def constants(self, targets: Targets) -> Mapping[str, Sequence[float]]:
        return {"nothing": [0.0] * self._length}

    def columns(self, outcome: Outcome) -> Mapping[str, Column]:
        return {"positions": list(outcome.decided)}

    def facts(self, outcome: Outcome) -> Mapping[str, object]:
        return {"marked": sum(map(len, outcome.targets)), "found": sum(map(len, outcome.decided))}

    def restored(self, columns: Mapping[str, npt.NDArray[Any]]) -> Outcome:
        lists = ([np.array(row, np.int64) for row in columns[name]] for name in ("target", "positions"))
        return Outcome(*map(ragged, lists))

    def tables(self, outcome: Outcome) -> Mapping[str, tuple[Sequence[str], Sequence[Sequence[object]]]]:
        """positions.csv: lists, sample by sample."""
        rows = list(zip(outcome.targets, outcome.decided, strict=True))
        return {"positions.csv": (("marked", "found"), rows)}
