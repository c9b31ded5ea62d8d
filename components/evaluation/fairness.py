"""How much a release's results may differ between groups of samples, judged from metrics.json alone.

A rule is about the worst group, or about the largest difference between two. It passes where every group, or every
pair, is shown to keep the bound: the one that breaks it passes in at most the error of one interval, so passing needs
no correction for how many there are (intersection–union; Berger, Technometrics 24, 1982). It fails where one is shown
to break it, with Bonferroni's correction for how many could be.

The interval of a difference is made of the intervals of both groups, whatever the metric (MOVER): for groups are
independent. Source: Zou & Donner, "Construction of confidence limits about effect measures", Statistics in Medicine 27
(2008), equation 1; Newcombe's method 10 (Statistics in Medicine 17, 1998) is the same with Wilson's intervals, which
are too short here where groups are of very unequal sizes. What a calibration error is off is noise that only adds, so
there both distances are added, and not their squares.
"""

import math
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from statistics import NormalDist

from components.evaluation.groups import CALIBRATION, TPR, groups_of, measuring, size_of
from components.evaluation.judged import (
    OPEN,
    Facts,
    Judged,
    Measured,
    compare,
    mapping,
    range_of,
    within,
)
from components.evaluation.sizes import for_proportion
from components.params.fairness import FairnessParams

SHOWN = 3  # groups that a sentence names
_Off = Callable[[float, float], float]


@dataclass(frozen=True)
class _Ends:
    """Where a number lies: an estimate, and bounds; `low` holds for all groups or pairs together.

    Attributes:
        of: the groups that the estimate is from.
    """

    estimate: float
    low: float
    high: float
    of: tuple[str, ...]


@dataclass(frozen=True)
class _Column:
    """The groups of a column that are judged, and those that are too small for it."""

    name: str
    groups: Mapping[str, Facts]
    small: tuple[str, ...]


def fair(fairness: FairnessParams | None, variant: str, metrics: Facts) -> list[Judged]:
    """The rules of `gate.fairness`, for each column; what metrics.json lacks leaves a rule inconclusive."""
    if fairness is None:
        return []
    known = mapping(metrics.get("metrics"))
    made: list[Judged] = []
    for name in fairness.columns:
        column, metric = _column(name, fairness.least, variant, metrics), fairness.metric
        if fairness.worst_at_least is not None or fairness.worst_at_most is not None:
            made.append(_worst(column, fairness, metrics))
        if fairness.gap_at_most is not None:
            made += _gaps(column, [metric], fairness.gap_at_most, fairness, metrics)
        if fairness.tpr_gap_at_most is not None:
            rates = [m for m in measuring(TPR, known) if fairness.of in (None, m.partition(" of ")[2])]
            made += _gaps(column, rates or [TPR], fairness.tpr_gap_at_most, fairness, metrics)
        if fairness.calibration_gap_at_most is not None:
            errors = measuring(CALIBRATION, known) or [CALIBRATION]
            made += _gaps(column, errors, fairness.calibration_gap_at_most, fairness, metrics)
    return made


def _column(name: str, least: int, variant: str, metrics: Facts) -> _Column:
    found = groups_of(name, variant, metrics)
    small = tuple(value for value, facts in found.items() if size_of(facts) < least)
    return _Column(name, {v: facts for v, facts in found.items() if v not in small}, small)


def _worst(column: _Column, fairness: FairnessParams, metrics: Facts) -> Judged:
    at_least = fairness.worst_at_least is not None
    bound = fairness.worst_at_least if at_least else fairness.worst_at_most
    assert bound is not None  # asked for by the caller
    metric, words = fairness.metric, "at least" if at_least else "at most"
    found, missing = _measured(column, metric, fairness.by, metrics)
    sign = -1.0 if at_least else 1.0  # from here on, the worst is the largest
    ends = _largest(
        [_Ends(*_turned(value, sign), (name,)) for name, value in found.items()], len(found), metrics
    )
    rule = f"{metric} of the worst group of {column.name} {words} {bound:g}"
    judged = _judged(rule, ends, (sign * bound, fairness.by), missing, column)
    low, high = (judged.low, judged.high) if sign > 0 else (_minus(judged.high), _minus(judged.low))
    kind = mapping(mapping(metrics.get("metrics")).get(metric)).get("interval")
    wanted = for_proportion(bound, _tail(metrics)) if at_least and kind == "proportion" else 0
    return replace(
        judged,
        evidence=_sentence(judged, ends, found) + _wants(judged, found, wanted, fairness.by),
        bound=bound,
        direction="at_least" if at_least else "at_most",
        metric=metric,
        estimate=None if judged.estimate is None else sign * judged.estimate,
        low=low,
        high=high,
    )


def _gaps(
    column: _Column, names: Sequence[str], bound: float, fairness: FairnessParams, metrics: Facts
) -> Iterator[Judged]:
    """A rule for each of these metrics, with a correction for all of them."""
    for name in names:
        found, missing = _measured(column, name, fairness.by, metrics)
        pairs = list(combinations(sorted(found), 2))
        ends = _largest(
            [_difference(found, pair, _off(name, metrics)) for pair in pairs],
            len(pairs) * len(names),
            metrics,
        )
        rule = f"difference of {name} between groups of {column.name} at most {bound:g}"
        judged = _judged(rule, ends, (bound, fairness.by), missing, column)
        kind = mapping(mapping(metrics.get("metrics")).get(name)).get("interval")
        wanted = for_proportion(1 - bound, _tail(metrics)) if kind == "proportion" else 0
        evidence = _sentence(judged, ends, found) + _wants(judged, found, wanted, fairness.by)
        low = None if judged.low is None else max(judged.low, 0.0)
        yield replace(judged, evidence=evidence, bound=bound, direction="at_most", metric=name, low=low)


def _measured(
    column: _Column, metric: str, by: str, metrics: Facts
) -> tuple[dict[str, Measured], dict[str, str]]:
    """The groups that were measured, and of the others why they were not."""
    found = {
        v: Measured.of(facts.get(metric), *range_of(metric, metrics)) for v, facts in column.groups.items()
    }
    missing = {}
    for value, one in found.items():
        if one.estimate is None or (by == "interval" and (one.low is None or one.high is None)):
            undefined = "not measured" if one.n is None else f"undefined on these {one.n} samples"
            missing[value] = one.reason or (undefined if one.estimate is None else "no interval")
    return {value: one for value, one in found.items() if value not in missing}, missing


def _turned(one: Measured, sign: float) -> tuple[float, float, float]:
    """Estimate, low and high; where only the estimate is asked for, these may be missing."""
    assert one.estimate is not None  # `_measured` left out those without
    low, high = (one.estimate if v is None else v for v in (one.low, one.high))
    return (one.estimate, low, high) if sign > 0 else (-one.estimate, -high, -low)


def _difference(found: Mapping[str, Measured], pair: tuple[str, str], off: _Off) -> _Ends:
    """|one - other|, bounded on both sides by MOVER."""
    larger, smaller = sorted(pair, key=lambda name: -_turned(found[name], 1.0)[0])
    (a, low_a, high_a), (b, low_b, high_b) = (_turned(found[name], 1.0) for name in (larger, smaller))
    down, up = off(a - low_a, high_b - b), off(high_a - a, b - low_b)
    # The smaller may truly be the larger: by `down - (a - b)` at most.
    return _Ends(a - b, a - b - down, max(a - b + up, down - (a - b)), (larger, smaller))


def _off(metric: str, metrics: Facts) -> _Off:
    """How far a bound of a difference lies off, from how far those of both groups do."""
    return operator.add if metric in measuring(CALIBRATION, mapping(metrics.get("metrics"))) else math.hypot


def _largest(each: Sequence[_Ends], tests: int, metrics: Facts) -> _Ends | None:
    """The largest of several numbers: no larger than the largest `high`, no smaller than the largest corrected `low`.

    The correction stretches what a bound is off as a normal distribution would.
    """
    if not each:
        return None
    tail = _tail(metrics)
    stretch = NormalDist().inv_cdf(1 - tail / max(tests, 1)) / NormalDist().inv_cdf(1 - tail)
    first = max(each, key=lambda one: one.estimate)
    low = max(one.estimate - stretch * (one.estimate - one.low) for one in each)
    return _Ends(first.estimate, min(low, first.estimate), max(one.high for one in each), first.of)


def _tail(metrics: Facts) -> float:
    """By which a bound errs; where the evaluation does not say it, what it is by default."""
    confidence = within(metrics.get("confidence"), 0.5, 1)
    return 0.025 if confidence is None or not 0.5 < confidence < 1 else (1 - confidence) / 2


def _judged(
    rule: str, ends: _Ends | None, asked: tuple[float, str], missing: Mapping[str, str], column: _Column
) -> Judged:
    """The outcome; a group that was not measured may be worse than any other, so without it nothing passes."""
    bound, by = asked
    if ends is None or len(column.groups) < 2:
        said = _without(column, missing)
        return Judged(rule, "fairness", OPEN, said, slice=_of(column, ends))
    low, high = (ends.low, ends.high) if by == "interval" else (ends.estimate, ends.estimate)
    outcome = compare(low, math.inf if missing else high, bound, at_least=False)
    lacking = "; ".join(f"{value}: {why}" for value, why in list(missing.items())[:SHOWN])
    upper = None if missing else ends.high
    said = f"; {lacking}" if lacking else ""
    return Judged(
        rule, "fairness", outcome, said, None, None, None, _of(column, ends), ends.estimate, ends.low, upper
    )


def _without(column: _Column, missing: Mapping[str, str]) -> str:
    """Why there is nothing to judge."""
    if missing:
        return "; ".join(f"{value}: {why}" for value, why in list(missing.items())[:SHOWN])
    if not column.groups:
        said = f"no group of {column.name} has test samples"
    else:
        said = f"{next(iter(column.groups))} is the only group of {column.name} with test samples: two are needed"
    return said + (f"; too small to be judged: {', '.join(column.small[:SHOWN])}" if column.small else "")


def _of(column: _Column, ends: _Ends | None) -> str | None:
    return None if ends is None else f"{column.name}={ends.of[0]}"


def _minus(value: float | None) -> float | None:
    return None if value is None else -value


def _sentence(judged: Judged, ends: _Ends | None, found: Mapping[str, Measured]) -> str:
    """The groups that decide, and the interval of what is asked."""
    if ends is None or judged.estimate is None:
        return judged.evidence
    groups = ", ".join(f"{name} {found[name].estimate:.3f} (n = {found[name].n})" for name in ends.of)
    if len(ends.of) == 1:
        one = found[ends.of[0]]
        interval = "" if one.low is None or one.high is None else f"{one.low:.3f} to {one.high:.3f}, "
        return f"{ends.of[0]} {one.estimate:.3f} ({interval}n = {one.n}), of {len(found)} groups{judged.evidence}"
    upper = "" if judged.high is None else f" ({max(ends.low, 0):.3f} to {ends.high:.3f})"
    return f"{ends.estimate:.3f}{upper}: {groups}{judged.evidence}"


def _wants(judged: Judged, found: Mapping[str, Measured], wanted: int, by: str) -> str:
    """Groups with which not even a model without an error would pass."""
    if judged.outcome != OPEN or by == "estimate":
        return ", judged by the estimate" if by == "estimate" and judged.estimate is not None else ""
    few = [f"{name} has {one.n}" for name, one in found.items() if (one.n or 0) < wanted]
    if few:
        return f"; too few: {', '.join(few[:SHOWN])}, each group wants at least {wanted} samples"
    return "" if judged.estimate is None or judged.high is None else ", across the bound"
