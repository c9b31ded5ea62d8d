"""Confidence intervals of metrics, and of the difference of two models on the same samples.

Each metric declares its kind, and each kind has a method: docs/gates.md says what they promise, and
benchmarks/guarantees.py measures it. None has an interval without width, and equal inputs give equal numbers.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass

import numpy as np

from components.evaluation import one_model, two_models
from components.evaluation.metrics import TABLE, Kind, Outcome, value
from components.evaluation.one_model import Ends
from components.evaluation.spread import Plan


@dataclass(frozen=True)
class Method:
    """How the intervals of a kind of metric are computed.

    Attributes:
        name, paired_name: as the literature calls it.
        least: samples from which the promise holds; of each class, where `by_class`.
    """

    name: str
    of_one: Callable[[Outcome, Plan], Ends]
    paired_name: str
    of_two: Callable[[Outcome, Outcome, Plan], Ends]
    least: int = 1
    by_class: bool = False


LEAST_GROUPS = 10
METHODS: Mapping[Kind, Method] = {
    "proportion": Method("Clopper-Pearson", one_model.proportion, "Tango", two_models.proportion),
    "mean of proportions": Method(
        "Clopper-Pearson, MOVER",
        one_model.mean_of_proportions,
        "Tango, MOVER",
        two_models.mean_of_proportions,
    ),
    "F1": Method("Clopper-Pearson of TP", one_model.f1, "infinitesimal jackknife", two_models.f1, 10),
    "AUROC": Method("DeLong, Newcombe", one_model.auroc, "DeLong", two_models.auroc, 10, by_class=True),
    "average precision": Method(
        "infinitesimal jackknife",
        one_model.average_precision,
        "infinitesimal jackknife",
        two_models.average_precision,
        20,
        by_class=True,
    ),
    "calibration error": Method(
        "infinitesimal jackknife",
        one_model.calibration_error,
        "infinitesimal jackknife",
        two_models.calibration_error,
        30,
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
    if reason := _too_few(method, outcomes[0], plan):
        return Interval(estimate, None, None, n, None, reason)
    if len(outcomes) == 1:
        (low, high), label, least = method.of_one(outcomes[0], plan), method.name, 0.0
    else:
        one, other = outcomes
        (low, high), label, least = method.of_two(one, other, plan), method.paired_name, -1.0
    return Interval(estimate, max(least, min(low, estimate)), min(1.0, max(high, estimate)), n, label)


def _too_few(method: Method, outcome: Outcome, plan: Plan) -> str | None:
    """What the interval wants before it says anything."""
    if plan.groups is not None and (groups := len(np.unique(plan.groups))) < LEAST_GROUPS:
        return f"{groups} groups are too few: wants at least {LEAST_GROUPS}"
    if method.by_class:
        fewest = int(np.bincount(outcome.targets, minlength=outcome.classes).min())
        if fewest < method.least:
            return f"{fewest} samples of a class are too few: wants at least {method.least} of each"
    elif len(outcome.targets) < method.least:
        return f"{len(outcome.targets)} samples are too few: wants at least {method.least}"
    return None
