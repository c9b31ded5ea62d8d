"""Confidence intervals of metrics, and of the difference of two models on the same samples.

Each metric brings the method of its interval: docs/gates.md says what the methods promise, and benchmarks/guarantees.py
measures it. None has an interval without width, and equal inputs give equal numbers.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Generic, Literal, Protocol, Self, TypeVar

import numpy as np
import numpy.typing as npt

from components.evaluation.spread import Floats, Plan

Ends = tuple[float, float]
LEAST_GROUPS = 10


class Outcome(Protocol):
    """What a model said about N samples whose targets are known."""

    def __len__(self) -> int: ...

    def only(self, chosen: npt.NDArray[np.bool_]) -> Self:
        """The outcome on some of the samples; `chosen` is (N,)."""
        ...

    @property
    def correct(self) -> Floats:
        """(N,) how right each decision is: more is better. Two models are compared by it, sample by sample."""
        ...

    @property
    def finite(self) -> bool:
        """Whether every answer is a number."""
        ...


Given = TypeVar("Given", bound=Outcome)


@dataclass(frozen=True)
class Method(Generic[Given]):
    """How the intervals of a kind of metric are computed.

    Attributes:
        kind: of metric, as metrics.json and the docs call it.
        name, paired_name: of the methods, as the literature calls them.
        least, paired_least: samples from which the promise holds, of one model and of a difference (0: as many).
        counts: what `least` counts where it is not all samples: the smallest of these is compared, as `counted`.
    """

    kind: str
    name: str
    of_one: Callable[[Given, Plan], Ends]
    paired_name: str
    of_two: Callable[[Given, Given, Plan], Ends]
    least: int = 1
    counts: Callable[[Given], npt.NDArray[np.int64]] | None = None
    counted: str = "samples"
    each: str = ""
    paired_least: int = 0


@dataclass(frozen=True)
class Metric(Generic[Given]):
    """A metric, and what is known about it.

    Attributes:
        value: of an outcome whose answers are all finite; NaN where it is undefined.
        better: whether a higher or a lower value is.
        range: the least and the greatest value; the difference of two lies within their distance.
        samples: (N,) of which samples it is, where not of all: those of one class, for instance.
        without: what is said where there is none of these.
        measures: what it is to rules that know no metric by name: `true-positive rate` or `calibration error`.
    """

    value: Callable[[Given], float]
    method: Method[Given]
    better: Literal["higher", "lower"] = "higher"
    range: tuple[float, float] = (0.0, 1.0)
    samples: Callable[[Given], npt.NDArray[np.bool_]] | None = None
    without: str = ""
    measures: str = ""

    def of(self, outcome: Given) -> float:
        """NaN where undefined: on no sample, and where an answer is no number, for comparisons would still decide."""
        asked = outcome if self.samples is None else outcome.only(self.samples(outcome))
        if len(asked) == 0 or not asked.finite:
            return float("nan")
        return float(self.value(asked))

    def signed(self, number: float) -> float:
        """Turned so that more is better: for comparing candidates."""
        return -number if self.better == "lower" else number

    def as_json(self) -> dict[str, object]:
        """Bounds that are infinite are None."""
        ends = [end if np.isfinite(end) else None for end in self.range]
        said = {"measures": self.measures} if self.measures else {}
        return {"better": self.better, "range": ends, "interval": self.method.kind, **said}


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


def intervals(outcome: Given, plan: Plan, metrics: Mapping[str, Metric[Given]]) -> dict[str, Interval]:
    """An interval for every metric."""
    return {name: _interval(metric, (outcome,), plan) for name, metric in metrics.items()}


def paired(one: Given, other: Given, plan: Plan, metrics: Mapping[str, Metric[Given]]) -> dict[str, Interval]:
    """An interval for every metric's difference, one - other."""
    return {name: _interval(metric, (one, other), plan) for name, metric in metrics.items()}


def _interval(metric: Metric[Given], outcomes: tuple[Given, ...], plan: Plan) -> Interval:
    if metric.samples is not None:
        member = metric.samples(outcomes[0])
        if not member.any():
            return Interval(None, None, None, 0, None, metric.without)
        outcomes, plan = tuple(outcome.only(member) for outcome in outcomes), plan.only(member)
    method, n = metric.method, len(outcomes[0])
    values = [metric.of(outcome) for outcome in outcomes]
    estimate = values[0] - sum(values[1:])
    if not np.isfinite(estimate):
        return Interval(None, None, None, n)
    wanted = method.least if len(outcomes) == 1 else max(method.least, method.paired_least)
    if reason := _too_few(method, outcomes[0], plan, wanted):
        return Interval(estimate, None, None, n, None, reason)
    least, most = metric.range
    if len(outcomes) == 1:
        (low, high), label = method.of_one(outcomes[0], plan), method.name
    else:
        (low, high), label = method.of_two(outcomes[0], outcomes[1], plan), method.paired_name
        least, most = least - most, most - least
    return Interval(estimate, max(least, min(low, estimate)), min(most, max(high, estimate)), n, label)


def _too_few(method: Method[Given], outcome: Given, plan: Plan, wanted: int) -> str | None:
    """What the interval wants before it says anything."""
    if plan.groups is not None and (groups := len(np.unique(plan.groups))) < LEAST_GROUPS:
        return f"{groups} groups are too few: wants at least {LEAST_GROUPS}"
    fewest = len(outcome) if method.counts is None else int(method.counts(outcome).min())
    if fewest < wanted:
        return f"{fewest} {method.counted} are too few: wants at least {wanted}{method.each}"
    return None
