"""Confidence intervals of metrics, and of the difference of two models on the same samples.

Each metric declares its kind, and each kind has a method: docs/gates.md says what they promise, and
benchmarks/guarantees.py measures it. None has an interval without width, and equal inputs give equal numbers.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass

import numpy as np

from components.evaluation import one_model, two_models
from components.evaluation.metrics import TABLE, Kind, Outcome, value
from components.evaluation.spread import Plan

Ends = tuple[float, float]


@dataclass(frozen=True)
class Method:
    """How the interval of a kind of metric is computed.

    Attributes:
        name, paired_name: as the literature calls it.
        least: samples of each class that the metric is about (`by_class`), or in all, from which it holds.
    """

    name: str
    of_one: Callable[[Outcome, Plan], Ends]
    paired_name: str
    of_two: Callable[[Outcome, Outcome, Plan], Ends]
    least: int = 1
    by_class: bool = False


METHODS: Mapping[Kind, Method] = {
    "proportion": Method("Clopper-Pearson", one_model.proportion, "Tango", two_models.proportion),
    "mean of proportions": Method(
        "MOVER of Clopper-Pearson",
        one_model.mean_of_proportions,
        "MOVER of Tango",
        two_models.mean_of_proportions,
    ),
    "F1": Method("Clopper-Pearson of the overlap", one_model.f1, "score", two_models.f1),
    "AUROC": Method("DeLong and Newcombe", one_model.auroc, "DeLong", two_models.auroc),
    "average precision": Method(
        "infinitesimal jackknife", one_model.average_precision, "score", two_models.average_precision
    ),
    "calibration error": Method(
        "without bias", one_model.calibration_error, "without bias", two_models.calibration_error
    ),
}


@dataclass(frozen=True)
class Interval:
    """`low` and `high` are None where the metric is undefined or its units are too few; `reason` says so.

    Attributes:
        n: samples.
        method: by which the bounds were computed.
    """

    estimate: float | None
    low: float | None
    high: float | None
    n: int
    method: str | None = None
    reason: str | None = None

    def as_json(self) -> dict[str, float | int | str | None]:
        return asdict(self)


def intervals(outcome: Outcome, plan: Plan, names: Iterable[str] = TABLE) -> dict[str, Interval]:
    """An interval for every metric."""
    return {name: _interval(name, (outcome,), plan) for name in names}


def paired(one: Outcome, other: Outcome, plan: Plan, names: Iterable[str] = TABLE) -> dict[str, Interval]:
    """An interval for every metric's difference, one - other."""
    return {name: _interval(name, (one, other), plan) for name in names}


def _interval(name: str, outcomes: tuple[Outcome, ...], plan: Plan) -> Interval:
    method, n = METHODS[TABLE[name].interval], len(outcomes[0].targets)
    values = [value(name, outcome) for outcome in outcomes]
    estimate = values[0] - sum(values[1:])
    if not np.isfinite(estimate):
        return Interval(None, None, None, n)
    if len(outcomes) == 1:
        ends, label = method.of_one(outcomes[0], plan), method.name
    else:
        ends, label = method.of_two(outcomes[0], outcomes[1], plan), method.paired_name
    least = 0.0 if len(outcomes) == 1 else -1.0
    low, high = max(least, min(ends[0], estimate)), min(1.0, max(ends[1], estimate))
    return Interval(estimate, float(low), float(high), n, label)
