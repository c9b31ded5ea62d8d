"""Mean Poisson deviance and mean absolute error, with their intervals."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import xlogy

from components.evaluation.intervals import Ends, Method, Metric
from components.evaluation.spread import Floats, Plan, spread
from components.params.task import TaskParams
from components.problems.base import Column, Decisions, Description, Targets
from counts.count import KEPT

LEAST = 30  # samples


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a model said about N samples: counts and rates, (N,) each."""

    targets: Floats
    rates: Floats

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def finite(self) -> bool:
        return bool(np.isfinite(self.rates).all())

    def only(self, chosen: npt.NDArray[np.bool_]) -> "Outcome":
        return Outcome(self.targets[chosen], self.rates[chosen])

    @cached_property
    def deviance(self) -> Floats:
        """(N,) 2 (y log(y / μ) - y + μ) (McCullagh & Nelder 1989, section 2.3)."""
        y, rate = self.targets, self.rates
        return np.asarray(2 * (xlogy(y, y / rate) - y + rate))

    @cached_property
    def absolute(self) -> Floats:
        return np.asarray(np.abs(self.rates - self.targets))

    @property
    def correct(self) -> Floats:
        return -self.deviance


Values = Callable[[Outcome], Floats]


def _interval(values: Floats, plan: Plan) -> Ends:
    """Student's t of a mean, with groups by their sums; no narrower than unseen samples could make it."""
    middle = float(values.mean())
    unseen = min(1.0, -math.log(plan.tail) / len(values)) * float(np.abs(values).max())
    off = max(spread((values - middle) / len(values), plan).off, unseen)
    return middle - off, middle + off


def _mean(values: Values) -> Metric[Outcome]:
    method = Method[Outcome](
        "mean loss",
        "t",
        lambda outcome, plan: _interval(values(outcome), plan),
        "t of differences",
        lambda one, other, plan: _interval(values(one) - values(other), plan),
        LEAST,
    )
    return Metric(lambda outcome: float(values(outcome).mean()), method, "lower", (0.0, math.inf))


TABLE: Mapping[str, Metric[Outcome]] = {
    "deviance": _mean(lambda outcome: outcome.deviance),
    "mae": _mean(lambda outcome: outcome.absolute),
}


class Judge:
    """See components.problems.base.Judge for what each member promises."""

    metrics = TABLE
    headline = ("deviance", "mae")
    kept = KEPT

    def __init__(self, task: TaskParams, description: Description) -> None:
        pass

    def outcome(self, targets: Targets, answers: npt.NDArray[Any], decisions: Decisions) -> Outcome:
        return Outcome(np.asarray(targets, dtype=np.float64), np.asarray(decisions, dtype=np.float64))

    def constants(self, targets: Targets) -> Mapping[str, Sequence[float]]:
        return {"mean": [float(np.mean(targets))]}

    def columns(self, outcome: Outcome) -> Mapping[str, Column]:
        return {"rate": outcome.rates}

    def facts(self, outcome: Outcome) -> Mapping[str, object]:
        return {"counted": int(outcome.targets.sum()), "expected": float(outcome.rates.sum())}

    def restored(self, columns: Mapping[str, npt.NDArray[Any]]) -> Outcome:
        return Outcome(np.asarray(columns["target"], np.float64), np.asarray(columns["rate"], np.float64))

    def tables(self, outcome: Outcome) -> Mapping[str, tuple[Sequence[str], Sequence[Sequence[object]]]]:
        """rates.csv: count and rate of each sample."""
        rows = np.column_stack([outcome.targets, outcome.rates]).tolist()
        return {"rates.csv": (("count", "rate"), rows)}
