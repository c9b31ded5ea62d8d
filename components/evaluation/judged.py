"""A rule with its evidence, and what is read from metrics.json to judge it: what is missing is None."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

Facts = Mapping[str, object]
PASS, FAIL, OPEN = "pass", "fail", "inconclusive"
ROUNDING = 1e-9


@dataclass(frozen=True)
class Judged:
    """One rule with its evidence; `evidence` is a sentence for people."""

    rule: str
    kind: str
    outcome: str
    evidence: str
    bound: float | None = None
    direction: str | None = None
    metric: str | None = None
    slice: str | None = None
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    n: int | None = None


@dataclass(frozen=True)
class Measured:
    """An estimate with its interval; None is what is missing, not finite, or of no sample.

    Attributes:
        reason: why there is no interval.
    """

    estimate: float | None
    low: float | None
    high: float | None
    n: int | None
    reason: str | None = None

    @classmethod
    def of(cls, facts: object, least: float, most: float) -> "Measured":
        """Numbers outside [least, most] count as missing; so do all where no sample was counted."""
        found = mapping(facts)
        n, reason = found.get("n"), found.get("reason")
        why = reason if isinstance(reason, str) else None
        if isinstance(n, bool) or not isinstance(n, int) or n < 1:
            return cls(None, None, None, None, why)
        estimate, low, high = (within(found.get(key), least, most) for key in ("estimate", "low", "high"))
        if estimate is None:
            return cls(None, None, None, n)
        return cls(estimate, low, high, n, why)

    def turned(self) -> "Measured":
        low, high = (None if v is None else -v for v in (self.high, self.low))
        return replace(self, estimate=None if self.estimate is None else -self.estimate, low=low, high=high)


def range_of(metric: str, metrics: Facts) -> tuple[float, float]:
    """The least and the greatest value of a metric, as the evaluation says; nothing lies within where it does not."""
    said = mapping(mapping(metrics.get("metrics")).get(metric)).get("range")
    if not isinstance(said, list) or len(said) != 2:
        return math.inf, -math.inf
    least, most = (number(end) for end in said)
    return -math.inf if least is None else least, math.inf if most is None else most


def range_of_difference(metric: str, metrics: Facts) -> tuple[float, float]:
    """The same for the difference of two values."""
    least, most = range_of(metric, metrics)
    return (least - most, most - least) if least < most else (least, most)


def lower_is_better(metric: str, metrics: Facts) -> bool:
    return mapping(mapping(metrics.get("metrics")).get(metric)).get("better") == "lower"


def compare(
    low: float | None, high: float | None, bound: float, at_least: bool, strictly: bool = False
) -> str:
    if low is None or high is None or low > high:
        return OPEN
    if not at_least:
        low, high, bound = -high, -low, -bound
    if low > bound or (low == bound and not strictly):
        return PASS
    return FAIL if high < bound else OPEN


def sentence(found: Measured, outcome: str, by: str) -> str:
    if found.estimate is None:
        return found.reason or "not measured" if found.n is None else f"undefined on these {found.n} samples"
    numbers = (found.estimate, found.low, found.high)
    estimate, *bounds = (None if v is None else f"{v:.3f}" for v in numbers)
    interval = "no interval" if None in bounds else " to ".join(str(v) for v in bounds)
    text = f"{estimate} ({interval}, n = {found.n})"
    if None in bounds and found.reason:
        text = f"{estimate} (no interval: {found.reason})"
    if by == "estimate":
        return f"{text}, judged by the estimate"
    return f"{text}, across the bound" if outcome == OPEN and None not in bounds else text


def mapping(value: object) -> Facts:
    return value if isinstance(value, Mapping) else {}


def within(value: object, least: float, most: float) -> float | None:
    found = number(value)
    return found if found is not None and least - ROUNDING <= found <= most + ROUNDING else None


def number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)
