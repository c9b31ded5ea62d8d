"""The gate: closed by default. Only `pass` is releasable.

A rule whose interval lies on the good side of its bound passes; on the bad side it fails; across it, or where
anything is missing, not finite, out of range or empty, it is inconclusive. One rule that fails fails the release;
otherwise one that is inconclusive keeps it back.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace

from components.evaluation.sizes import for_proportion
from components.params.release import GateParams, Rule

Facts = Mapping[str, object]
PASS, FAIL, OPEN = "pass", "fail", "inconclusive"
# What a result must beat in any case, beside the problem's constant answers: a control that nobody measured proves
# nothing.
SCRATCH = "scratch"
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
class Verdict:
    """`released` is the variant, `release_sha256` the digest of the release folder that was judged."""

    verdict: str
    released: str
    release_sha256: str
    rules: list[Judged] = field(default_factory=list)

    def as_json(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True)
class Release:
    """What is judged: the variant that params release, the folder's digest, parity.json and manifest.json."""

    variant: str
    sha256: str
    parity: Facts
    manifest: Facts


@dataclass(frozen=True)
class _Measured:
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
    def of(cls, facts: object, least: float, most: float) -> "_Measured":
        """Numbers outside [least, most] count as missing; so do all where no sample was counted."""
        found = _mapping(facts)
        n, reason = found.get("n"), found.get("reason")
        why = reason if isinstance(reason, str) else None
        if isinstance(n, bool) or not isinstance(n, int) or n < 1:
            return cls(None, None, None, None, why)
        estimate, low, high = (_within(found.get(key), least, most) for key in ("estimate", "low", "high"))
        if estimate is None:
            return cls(None, None, None, n)
        return cls(estimate, low, high, n, why)

    def turned(self) -> "_Measured":
        low, high = (None if v is None else -v for v in (self.high, self.low))
        return replace(self, estimate=None if self.estimate is None else -self.estimate, low=low, high=high)


def judge(gate: GateParams, release: Release, metrics: Facts) -> Verdict:
    """Judge the released variant by evaluation/metrics.json; whatever that lacks leaves its rule inconclusive."""
    rules = [_metric(rule, release.variant, metrics) for rule in gate.rules]
    rules += _parity(gate, release)
    rules.append(_size(gate, release))
    rules += _controls(gate, metrics)
    rules += [*_forgetting(gate, metrics), *_training(gate, metrics)]
    rules.append(_same(release, metrics))
    outcomes = {rule.outcome for rule in rules}
    overall = FAIL if FAIL in outcomes else PASS if outcomes == {PASS} else OPEN
    return Verdict(overall, release.variant, release.sha256, rules)


def _metric(rule: Rule, variant: str, metrics: Facts) -> Judged:
    at_least = rule.at_least is not None
    bound = rule.at_least if rule.at_least is not None else rule.at_most
    assert bound is not None  # params ask for exactly one
    where = f" on {rule.slice}" if rule.slice else ""
    words = "at least" if at_least else "at most"
    place = _mapping(metrics.get("slices")).get(rule.slice) if rule.slice else metrics.get("variants")
    found = _Measured.of(_facts(rule, _mapping(_mapping(place).get(variant))), *_range(rule.name, metrics))
    low, high = (found.low, found.high) if rule.by == "interval" else (found.estimate, found.estimate)
    outcome = _compare(low, high, bound, at_least)
    return Judged(
        rule=f"{rule.name}{where} {words} {bound:g}",
        kind="metric",
        outcome=outcome,
        evidence=_sentence(found, outcome, rule.by) + _wanted(rule, found, metrics),
        bound=bound,
        direction="at_least" if at_least else "at_most",
        metric=rule.name,
        slice=rule.slice,
        estimate=found.estimate,
        low=found.low,
        high=found.high,
        n=found.n,
    )


def _range(metric: str, metrics: Facts) -> tuple[float, float]:
    """The least and the greatest value of a metric, as the evaluation says; nothing lies within where it does not."""
    said = _mapping(_mapping(metrics.get("metrics")).get(metric)).get("range")
    if not isinstance(said, list) or len(said) != 2:
        return math.inf, -math.inf
    least, most = (_number(end) for end in said)
    return -math.inf if least is None else least, math.inf if most is None else most


def _differences(metric: str, metrics: Facts) -> tuple[float, float]:
    """The same for the difference of two values."""
    least, most = _range(metric, metrics)
    return (least - most, most - least) if least < most else (least, most)


def _lower_is_better(metric: str, metrics: Facts) -> bool:
    return _mapping(_mapping(metrics.get("metrics")).get(metric)).get("better") == "lower"


def _facts(rule: Rule, measured: Facts) -> object:
    """What was measured for the rule; of a class that there is not, why there is nothing."""
    parts = [name for name in measured if name.startswith(f"{rule.metric} of ")]
    if rule.of is None or rule.name in measured or not parts:
        return measured.get(rule.name)
    known = ", ".join(name.removeprefix(f"{rule.metric} of ") for name in parts)
    return {"reason": f"there is no class {rule.of!r}; the classes are {known}"}


def _wanted(rule: Rule, found: _Measured, metrics: Facts) -> str:
    """What a rule for a share says where not even a model without an error would pass on so few samples."""
    confidence = _within(metrics.get("confidence"), 0, 1)
    if rule.at_least is None or rule.by == "estimate" or confidence is None or found.low is None:
        return ""
    if found.low >= rule.at_least:
        return ""
    kind = _mapping(_mapping(metrics.get("metrics")).get(rule.metric)).get("interval")
    if kind != "proportion" or found.n is None:
        return ""
    wanted = for_proportion(rule.at_least, (1 - confidence) / 2)
    return f"; too few: wants at least {wanted} samples" if found.n < wanted else ""


def _parity(gate: GateParams, release: Release) -> list[Judged]:
    """fp32 must be the trained network; other variants differ by design, so their own metrics judge them."""
    found = _mapping(release.parity.get(release.variant))
    some = (_number(found.get("samples")) or 0) >= 1
    difference, changed = (
        _within(found.get(key), 0, math.inf) if some else None
        for key in ("max_difference", "changed_decisions")
    )
    if release.variant != "fp32":
        said = "not measured" if changed is None else f"{changed:g} of {found.get('samples')} decisions"
        name = f"what {release.variant} changes is known (its own metrics judge it)"
        return [Judged(name, "parity", OPEN if changed is None else PASS, said, estimate=changed)]
    bound = float(gate.parity.changed_decisions)
    return [
        _at_most("largest difference from torch", "parity", difference, gate.parity.max_difference),
        _at_most("decisions changed by the export", "parity", changed, bound),
    ]


def _size(gate: GateParams, release: Release) -> Judged:
    names = {"fp32": "model.onnx"}
    name = names.get(release.variant, f"model.{release.variant}.onnx")
    size = _within(_mapping(_mapping(release.manifest.get("files")).get(name)).get("size"), 1, math.inf)
    return _at_most("size in MB", "size", None if size is None else size / 1e6, gate.max_size_mb)


def _controls(gate: GateParams, metrics: Facts) -> list[Judged]:
    """Negative transfer: better than every control that is known, by a paired interval."""
    pairs = _mapping(metrics.get("paired"))
    named = metrics.get("constants")
    constants = [str(name) for name in named] if isinstance(named, list) and named else ["a constant answer"]
    measured = {*constants, SCRATCH, *_mapping(metrics.get("controls")), *pairs}
    return [_control(gate, str(name), pairs.get(name), metrics) for name in sorted(measured)]


def _control(gate: GateParams, control: str, differences: object, metrics: Facts) -> Judged:
    metric, margin = gate.better_than_controls.metric, gate.better_than_controls.margin
    found = _Measured.of(_mapping(differences).get(metric), *_differences(metric, metrics))
    if _lower_is_better(metric, metrics):
        found = found.turned()
    outcome = _compare(found.low, found.high, margin, True, strictly=True)
    name = f"{metric} better than {control} by more than {margin:g}"
    evidence = _sentence(found, outcome, "interval")
    numbers = (None, found.estimate, found.low, found.high, found.n)
    return Judged(name, "control", outcome, evidence, margin, "at_least", metric, *numbers)


def _forgetting(gate: GateParams, metrics: Facts) -> list[Judged]:
    """What the source task lost, by a paired interval."""
    if gate.forgetting is None:
        return []
    metric, bound = gate.forgetting.metric, gate.forgetting.at_most
    paired = _mapping(_mapping(metrics.get("source")).get("paired"))
    found = _Measured.of(paired.get(metric), *_differences(metric, metrics))
    if not _lower_is_better(metric, metrics):
        found = found.turned()
    outcome = _compare(found.low, found.high, bound, at_least=False)
    name = f"{metric} on the source worse by at most {bound:g}"
    evidence = _sentence(found, outcome, "interval")
    numbers = (None, found.estimate, found.low, found.high, found.n)
    return [Judged(name, "forgetting", outcome, evidence, bound, "at_most", metric, *numbers)]


def _training(gate: GateParams, metrics: Facts) -> list[Judged]:
    """What training left in figures without intervals: overfitting and movement."""
    held = _mapping(metrics.get("training"))
    gap, movement = _mapping(held.get("overfitting")), _mapping(held.get("movement"))
    made = []
    if gate.overfitting:
        found, bound = _within(gap.get("accuracy_gap"), -1, 1), gate.overfitting.at_most
        made.append(_at_most("training accuracy above validation accuracy", "overfitting", found, bound))
    if gate.movement and gate.movement.weights_at_most is not None:
        found, bound = _within(movement.get("weights_relative"), 0, math.inf), gate.movement.weights_at_most
        made.append(_at_most("weights moved, as a share of their length,", "movement", found, bound))
    if gate.movement and gate.movement.features_at_least is not None:
        found, bound = _within(movement.get("features_cka"), 0, 1), gate.movement.features_at_least
        outcome, said = (
            _compare(found, found, bound, True),
            "not measured" if found is None else f"{found:.3g}",
        )
        name = f"features alike before and after training (CKA) at least {bound:g}"
        made.append(Judged(name, "movement", outcome, said, bound, "at_least", estimate=found))
    return made


def _same(release: Release, metrics: Facts) -> Judged:
    """Evidence about another release, or about another variant than the bundle names, is no evidence."""
    named = release.manifest.get("released")
    if named != release.variant:
        outcome, said = OPEN, f"params release {release.variant}, the bundle says {named or 'nothing'}"
    elif metrics.get("release_sha256") != release.sha256:
        outcome, said = OPEN, "the evaluation is not of this release; run: dvc repro evaluate"
    else:
        outcome, said = PASS, f"{release.variant} of release {release.sha256[:12]}"
    return Judged("the evidence is about this release", "identity", outcome, said)


def _at_most(name: str, kind: str, value: float | None, bound: float) -> Judged:
    outcome = _compare(value, value, bound, at_least=False)
    said = "not measured" if value is None else f"{value:.3g}"
    return Judged(f"{name} at most {bound:g}", kind, outcome, said, bound, "at_most", estimate=value)


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


def _sentence(found: _Measured, outcome: str, by: str) -> str:
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


def _mapping(value: object) -> Facts:
    return value if isinstance(value, Mapping) else {}


def _within(value: object, least: float, most: float) -> float | None:
    found = _number(value)
    return found if found is not None and least - ROUNDING <= found <= most + ROUNDING else None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)
