"""The gate: closed by default. Only `pass` is releasable.

A rule whose interval lies on the good side of its bound passes; on the bad side it fails; across it, or where
anything is missing, not finite or empty, it is inconclusive.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from components.params.release import GateParams, Rule

Facts = Mapping[str, object]
PASS, FAIL, OPEN = "pass", "fail", "inconclusive"


@dataclass(frozen=True)
class Judged:
    """One rule with its evidence; `evidence` is a sentence for people."""

    rule: str
    kind: str
    outcome: str
    evidence: str
    bound: float
    direction: str
    metric: str | None = None
    slice: str | None = None
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    n: int | None = None


@dataclass(frozen=True)
class Verdict:
    verdict: str
    released: str
    rules: list[Judged] = field(default_factory=list)

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def judge(gate: GateParams, released: str, metrics: Facts, parity: Facts, manifest: Facts) -> Verdict:
    """Judge the released variant.

    Args:
        metrics: evaluation/metrics.json. parity: release/parity.json. manifest: release/manifest.json.
    """
    rules = [_metric(rule, released, metrics) for rule in gate.rules]
    rules += _parity(gate, released, parity)
    rules.append(_size(gate, released, manifest))
    rules += _controls(gate, released, metrics)
    outcomes = {rule.outcome for rule in rules}
    overall = FAIL if FAIL in outcomes else PASS if outcomes == {PASS} else OPEN
    return Verdict(overall, released, rules)


def _metric(rule: Rule, released: str, metrics: Facts) -> Judged:
    at_least = rule.at_least is not None
    bound = rule.at_least if rule.at_least is not None else rule.at_most
    assert bound is not None  # params ask for exactly one
    where = f" on {rule.slice}" if rule.slice else ""
    words = "at least" if at_least else "at most"
    name = f"{rule.metric}{where} {words} {bound:g}"
    place = _mapping(metrics.get("slices")).get(rule.slice) if rule.slice else metrics.get("variants")
    found = _mapping(_mapping(place).get(released))
    facts = _mapping(found.get(rule.metric))
    numbers = {key: _finite(facts.get(key)) for key in ("estimate", "low", "high")}
    if rule.by == "estimate":
        numbers["low"] = numbers["high"] = numbers["estimate"]
    outcome = _compare(numbers["low"], numbers["high"], bound, at_least)
    n = facts.get("n")
    shown = {**numbers, **{key: _finite(facts.get(key)) for key in ("low", "high")}}
    return Judged(
        rule=name,
        kind="metric",
        outcome=outcome,
        evidence=_sentence(shown, n, rule.by),
        bound=bound,
        direction="at_least" if at_least else "at_most",
        metric=rule.metric,
        slice=rule.slice,
        n=n if isinstance(n, int) else None,
        estimate=shown["estimate"],
        low=shown["low"],
        high=shown["high"],
    )


def _parity(gate: GateParams, released: str, parity: Facts) -> list[Judged]:
    """fp32 must be the trained network; other variants differ by design, so their own metrics judge them."""
    if released != "fp32":
        return []
    found = _mapping(parity.get("fp32"))
    difference, changed = _finite(found.get("max_difference")), _finite(found.get("changed_decisions"))
    rows = (
        ("largest difference from torch", difference, gate.parity.max_difference),
        ("decisions changed by the export", changed, float(gate.parity.changed_decisions)),
    )
    return [_at_most(f"{name} at most {bound:g}", "parity", value, bound) for name, value, bound in rows]


def _size(gate: GateParams, released: str, manifest: Facts) -> Judged:
    names = {"fp32": "model.onnx"}
    entry = _mapping(_mapping(manifest.get("files")).get(names.get(released, f"model.{released}.onnx")))
    size = _finite(entry.get("size"))
    megabytes = None if size is None else size / 1e6
    return _at_most(f"size at most {gate.max_size_mb:g} MB", "size", megabytes, gate.max_size_mb)


def _controls(gate: GateParams, released: str, metrics: Facts) -> list[Judged]:
    """Negative transfer: better than every control, by a paired interval. No control means no proof."""
    metric, margin = gate.better_than_controls.metric, gate.better_than_controls.margin
    controls = _mapping(metrics.get("paired")) or {"any control": {}}
    rows = []
    for control, differences in controls.items():
        facts = _mapping(_mapping(differences).get(metric))
        numbers = {key: _finite(facts.get(key)) for key in ("estimate", "low", "high")}
        outcome = _compare(numbers["low"], numbers["high"], margin, True, strictly=True)
        n = facts.get("n")
        rows.append(
            Judged(
                rule=f"{metric} better than {control} by more than {margin:g}",
                kind="control",
                outcome=outcome,
                evidence=_sentence(numbers, n, "interval"),
                bound=margin,
                direction="at_least",
                metric=metric,
                n=n if isinstance(n, int) else None,
                estimate=numbers["estimate"],
                low=numbers["low"],
                high=numbers["high"],
            )
        )
    return rows


def _at_most(name: str, kind: str, value: float | None, bound: float) -> Judged:
    outcome = _compare(value, value, bound, at_least=False)
    said = "missing" if value is None else f"{value:.3g}"
    return Judged(name, kind, outcome, said, bound, "at_most", estimate=value)


def _compare(
    low: float | None, high: float | None, bound: float, at_least: bool, strictly: bool = False
) -> str:
    if low is None or high is None or low > high:
        return OPEN
    if not at_least:
        low, high, bound = -high, -low, -bound
    if low > bound or (low == bound and not strictly):
        return PASS
    return FAIL if high < bound else OPEN


def _sentence(numbers: Mapping[str, float | None], n: object, by: str) -> str:
    estimate, low, high = numbers["estimate"], numbers["low"], numbers["high"]
    if estimate is None:
        return "not measured" if not n else f"undefined on these {n} samples"
    text = f"{estimate:.3f}"
    text += " (no interval)" if low is None or high is None else f" ({low:.3f} to {high:.3f})"
    text += f", n = {n}" if n else ""
    return text + (", judged by the estimate" if by == "estimate" else "")


def _mapping(value: object) -> Facts:
    return value if isinstance(value, Mapping) else {}


def _finite(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)
