"""Candidate against champion on the same test samples: promote, keep, or inconclusive; never undefined.

The candidate is *not inferior* where, for accuracy and for each gated metric, the paired interval of its gain lies
above minus the margin (its estimate, where the gate asks only that), and no slice loses more than its allowance. All of
these must hold together, so none of them needs a correction for how many they are (intersection-union; Berger,
Technometrics 1982). It is *superior* where, besides, the interval of its gain in one metric, named beforehand, lies
above 0 and its decisions are not significantly worse. With newer data, not inferior is enough.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from components.errors import EvaluationError
from components.evaluation.intervals import Interval, Metric, paired
from components.evaluation.judged import FAIL, OPEN, PASS, Judged
from components.evaluation.sizes import for_difference
from components.evaluation.spread import Plan
from components.params.promotion import PromotionParams
from components.params.release import Rule

PROMOTE, KEEP, REFUSED = "promote", "keep", "refused"
SKIPPED = "not judged"
By = Literal["interval", "estimate"]
# Kinds of rules that a candidate must pass; the others say whether it is superior.
ASKED = ("metric", "slice")
UNKNOWN = Interval(None, None, None, 0, None, "there is no such metric or class")


@dataclass(frozen=True)
class Pair:
    """What both models said about the same N samples.

    Attributes:
        candidate, champion: outcomes, as the problem's judge makes them.
        slices: declared slice → its values (N,).
        judging: how they are judged.
    """

    candidate: Any
    champion: Any
    slices: Mapping[str, npt.NDArray[np.str_]]
    judging: "Judging"

    def __post_init__(self) -> None:
        one, other = self.candidate, self.champion
        if not _equal(one.targets, other.targets):
            raise EvaluationError(
                f"Candidate and champion were not asked the same: {len(one)} samples, {len(other)} samples."
            )

    @property
    def alike(self) -> bool:
        """Whether both say the same about every sample: a model never beats itself."""
        one, other = (self.judging.columns(outcome) for outcome in (self.candidate, self.champion))
        return all(_equal(values, other[name]) for name, values in one.items())

    def only(self, chosen: npt.NDArray[np.bool_]) -> "Pair":
        return Pair(self.candidate.only(chosen), self.champion.only(chosen), {}, self.judging)


class Judging(Protocol):
    """What a promotion must know of the problem; `components.problems.base.Judge` is one.

    Attributes:
        kept: the metric of which a candidate may not lose more than the margin in any case.
    """

    kept: str

    @property
    def metrics(self) -> Mapping[str, Metric[Any]]: ...

    def columns(self, outcome: Any) -> Mapping[str, Sequence[Any] | npt.NDArray[Any]]: ...


def _equal(one: Any, other: Any) -> bool:
    """Values of samples; of lists, sample by sample: these may differ in length."""
    if any(map(_lists, (one, other))):
        return len(one) == len(other) and all(_equal(a, b) for a, b in zip(one, other, strict=True))
    ours, theirs = np.asarray(one), np.asarray(other)
    return np.array_equal(ours, theirs, equal_nan=ours.dtype.kind == "f")


def _lists(values: Any) -> bool:
    if isinstance(values, np.ndarray) and values.dtype != object:
        return False
    return len(values) > 0 and isinstance(values[0], list | tuple | np.ndarray)


@dataclass(frozen=True)
class _Asked:
    """What a candidate may lose: `allowed` of a metric, on all samples or a slice."""

    rule: str
    kind: str
    metric: str
    allowed: float
    by: By
    slice: str | None = None


@dataclass(frozen=True)
class Ruling:
    """`outcome` is promote, keep, inconclusive or refused; `reasons` are sentences for people."""

    outcome: str
    reasons: tuple[str, ...]
    rules: tuple[Judged, ...] = ()


@dataclass(frozen=True)
class McNemar:
    """Decisions that only one of two models got right (or nearer to the target), and the exact p-value.

    Source: McNemar, Psychometrika 1947; exact by the binomial distribution of `gained` among both, which is the sign
    test where decisions are right to a degree.
    """

    gained: int
    lost: int
    p: float


def mcnemar(pair: Pair) -> McNemar:
    """Two-sided; without a single discordant decision p is 1."""
    from scipy.stats import binomtest

    ours, theirs = pair.candidate.correct, pair.champion.correct
    gained, lost = int((ours > theirs).sum()), int((theirs > ours).sum())
    p = float(binomtest(gained, gained + lost, 0.5).pvalue) if gained + lost else 1.0
    return McNemar(gained, lost, p)


def refused(reasons: Sequence[str]) -> Ruling:
    return Ruling(REFUSED, tuple(reasons))


def first() -> Ruling:
    """Without a champion the absolute gates are all there is; they were passed."""
    return Ruling(PROMOTE, ("there is no champion yet, and the release passed its gates",))


def gated(rules: Sequence[Rule]) -> dict[str, By]:
    """Metrics that have a rule in the gate, and how it is judged: by the interval, where one rule asks for it."""
    found: dict[str, By] = {rule.name: rule.by for rule in rules}
    return found | {rule.name: "interval" for rule in rules if rule.by == "interval"}


def decide(pair: Pair, plan: Plan, gated: Mapping[str, By], params: PromotionParams, newer: int) -> Ruling:
    """The ruling on the candidate, for any two models.

    Args:
        gated: metrics that have a rule in the gate, and how they are judged.
        newer: training samples of the candidate that the champion never saw.
    """
    if len(pair.candidate) == 0:
        return Ruling(OPEN, ("the test side holds no sample",))
    metrics, kept = pair.judging.metrics, pair.judging.kept
    gains = paired(pair.candidate, pair.champion, plan, metrics)
    judged: dict[str, By] = {kept: "interval"}
    judged |= {name: by for name, by in gated.items() if name != kept}
    asked = [_metric(name, by, gains.get(name, UNKNOWN), pair, plan, params) for name, by in judged.items()]
    asked += _slices(pair, plan, params)
    better = _better(_signed(metrics[params.metric], gains[params.metric]), params.metric)
    decisions = _decisions(pair, plan.confidence)
    return _rule(pair.alike, [*asked, better, decisions], newer)


def _rule(alike: bool, rules: Sequence[Judged], newer: int) -> Ruling:
    said = {
        outcome: [f"{r.rule}: {r.evidence}" for r in rules if r.kind in ASKED and r.outcome == outcome]
        for outcome in (FAIL, OPEN)
    }
    better, decisions = (next(r for r in rules if r.kind == kind) for kind in ("superior", "decisions"))
    superior = better.outcome == PASS and decisions.outcome != FAIL
    if alike:
        found, reasons = KEEP, ["it says the same as the champion about every test sample"]
    elif said[FAIL]:
        found, reasons = KEEP, said[FAIL]
    elif said[OPEN]:
        found, reasons = OPEN, said[OPEN]
    elif superior:
        found, reasons = PROMOTE, [f"it is superior: {better.rule}: {better.evidence}"]
    elif newer:
        found, reasons = PROMOTE, [f"it is not inferior, and learned from {newer} newer samples"]
    else:
        found, reasons = KEEP, ["it is not inferior, but neither superior nor trained on newer data"]
    return Ruling(found, tuple(reasons), tuple(rules))


def _metric(name: str, by: By, gain: Interval, pair: Pair, plan: Plan, params: PromotionParams) -> Judged:
    # A margin of `recall` is that of each class; one of `rmse`, of all numbers, is in another unit than that of one.
    part = name.partition(" of ")[0]
    margin = params.margins.get(name if part in pair.judging.metrics else part, params.margin)
    margin = params.margins.get(name, margin)
    metric = pair.judging.metrics.get(name)
    asked = _Asked(f"{name} loses at most {margin:g}", "metric", name, margin, by)
    if metric is None:
        return _within(asked, gain, None)
    return _within(asked, _signed(metric, gain), plan.tail if metric.method.kind == "proportion" else None)


def _slices(pair: Pair, plan: Plan, params: PromotionParams) -> Iterator[Judged]:
    """A rule for each value of each declared slice that occurs."""
    of = params.slices
    metric = pair.judging.metrics[of.metric]
    tail = plan.tail if metric.method.kind == "proportion" else None
    for column, values in pair.slices.items():
        for value in sorted(set(values.tolist())):
            name, chosen = f"{column}={value}", values == value
            allowed = of.of.get(name, of.at_most)
            rule, count = f"{of.metric} on {name} loses at most {allowed:g}", int(chosen.sum())
            if count < of.least:
                said = f"{count} samples are too few to judge"
                yield Judged(rule, "slice", SKIPPED, said, allowed, "at_most", of.metric, name, n=count)
                continue
            part = pair.only(chosen)
            gain = paired(part.candidate, part.champion, plan.only(chosen), {of.metric: metric})[of.metric]
            asked = _Asked(rule, "slice", of.metric, allowed, of.by, name)
            yield _within(asked, _signed(metric, gain), tail)


def _within(asked: _Asked, gain: Interval, tail: float | None) -> Judged:
    """Pass where the gain lies above -allowed, fail below, inconclusive across or where it is unknown.

    Args:
        tail: of the interval, where the metric is a proportion: then it can be said how many samples are wanted.
    """
    allowed = asked.allowed
    low, high = (gain.low, gain.high) if asked.by == "interval" else (gain.estimate, gain.estimate)
    outcome = OPEN
    if low is not None and high is not None:
        outcome = PASS if low >= -allowed else FAIL if high < -allowed else OPEN
    evidence, numbers = _sentence(gain), (gain.estimate, gain.low, gain.high, gain.n)
    if asked.by == "estimate":
        evidence += ", judged by the estimate"
    elif outcome == OPEN and low is not None and tail is not None:
        wanted = for_difference(allowed, tail)
        evidence += f"; too few: wants at least {wanted} samples" if gain.n < wanted else ""
    names = (asked.rule, asked.kind, outcome, evidence, -allowed, "at_least", asked.metric, asked.slice)
    return Judged(*names, *numbers)


def _better(found: Interval, metric: str) -> Judged:
    outcome = OPEN
    if found.low is not None and found.high is not None:
        outcome = PASS if found.low > 0 else FAIL if found.high < 0 else OPEN
    numbers = (found.estimate, found.low, found.high, found.n)
    rule = f"{metric} is better than the champion's"
    return Judged(rule, "superior", outcome, _sentence(found), 0.0, "at_least", metric, None, *numbers)


def _decisions(pair: Pair, confidence: float) -> Judged:
    found = mcnemar(pair)
    shown = found.p < 1 - confidence
    outcome = OPEN if not shown else PASS if found.gained > found.lost else FAIL
    evidence = f"{found.gained} gained, {found.lost} lost, p = {found.p:.3g}"
    rule = "decisions are better (exact McNemar)"
    return Judged(rule, "decisions", outcome, evidence, n=len(pair.candidate))


def _signed(metric: Metric[Any], gain: Interval) -> Interval:
    """Turned so that more is better."""
    if metric.better == "higher":
        return gain
    estimate, low, high = (None if v is None else -v for v in (gain.estimate, gain.high, gain.low))
    return replace(gain, estimate=estimate, low=low, high=high)


def _sentence(gain: Interval) -> str:
    if gain.estimate is None:
        return gain.reason or f"undefined on these {gain.n} samples"
    if gain.low is None or gain.high is None:
        return f"{gain.estimate:+.3f} (no interval{f': {gain.reason}' if gain.reason else f', n = {gain.n}'})"
    return f"{gain.estimate:+.3f} ({gain.low:+.3f} to {gain.high:+.3f}, n = {gain.n})"
