"""The gate: closed by default. Only `pass` is releasable.

A rule whose interval lies on the good side of its bound passes; on the bad side it fails; across it, or where
anything is missing, not finite, out of range or empty, it is inconclusive. One rule that fails fails the release;
otherwise one that is inconclusive keeps it back.
"""

import math
from dataclasses import asdict, dataclass, field

from components.evaluation.fairness import fair
from components.evaluation.groups import shown
from components.evaluation.judged import (
    FAIL,
    OPEN,
    PASS,
    Facts,
    Judged,
    Measured,
    compare,
    lower_is_better,
    mapping,
    number,
    range_of,
    range_of_difference,
    sentence,
    within,
)
from components.evaluation.sizes import for_proportion
from components.params.release import GateParams, Rule

# What a result must beat in any case, beside the problem's constant answers: a control that nobody measured proves
# nothing.
SCRATCH = "scratch"


@dataclass(frozen=True)
class Verdict:
    """`released` is the variant, `release_sha256` the digest of the release folder that was judged.

    Attributes:
        fairness: for each column of `gate.fairness`, what was measured on its groups.
    """

    verdict: str
    released: str
    release_sha256: str
    rules: list[Judged] = field(default_factory=list)
    fairness: list[dict[str, object]] = field(default_factory=list)

    def as_json(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True)
class Release:
    """What is judged: the variant that params release, the folder's digest, parity.json and manifest.json."""

    variant: str
    sha256: str
    parity: Facts
    manifest: Facts


def judge(gate: GateParams, release: Release, metrics: Facts) -> Verdict:
    """Judge the released variant by evaluation/metrics.json; whatever that lacks leaves its rule inconclusive."""
    rules = [_metric(rule, release.variant, metrics) for rule in gate.rules]
    rules += _parity(gate, release)
    rules.append(_size(gate, release))
    rules += _controls(gate, metrics)
    rules += fair(gate.fairness, release.variant, metrics)
    rules += [*_forgetting(gate, metrics), *_training(gate, metrics)]
    rules.append(_same(release, metrics))
    outcomes = {rule.outcome for rule in rules}
    overall = FAIL if FAIL in outcomes else PASS if outcomes == {PASS} else OPEN
    groups = shown(gate.fairness, release.variant, metrics)
    return Verdict(overall, release.variant, release.sha256, rules, groups)


def _metric(rule: Rule, variant: str, metrics: Facts) -> Judged:
    at_least = rule.at_least is not None
    bound = rule.at_least if rule.at_least is not None else rule.at_most
    assert bound is not None  # params ask for exactly one
    where = f" on {rule.slice}" if rule.slice else ""
    words = "at least" if at_least else "at most"
    place = mapping(metrics.get("slices")).get(rule.slice) if rule.slice else metrics.get("variants")
    found = Measured.of(_facts(rule, mapping(mapping(place).get(variant))), *range_of(rule.name, metrics))
    low, high = (found.low, found.high) if rule.by == "interval" else (found.estimate, found.estimate)
    outcome = compare(low, high, bound, at_least)
    return Judged(
        rule=f"{rule.name}{where} {words} {bound:g}",
        kind="metric",
        outcome=outcome,
        evidence=sentence(found, outcome, rule.by) + _wanted(rule, found, metrics),
        bound=bound,
        direction="at_least" if at_least else "at_most",
        metric=rule.name,
        slice=rule.slice,
        estimate=found.estimate,
        low=found.low,
        high=found.high,
        n=found.n,
    )


def _facts(rule: Rule, measured: Facts) -> object:
    """What was measured for the rule; of a part (a class, a number) that there is not, why there is nothing."""
    parts = [name for name in measured if name.startswith(f"{rule.metric} of ")]
    if rule.of is None or rule.name in measured or not parts:
        return measured.get(rule.name)
    known = ", ".join(name.removeprefix(f"{rule.metric} of ") for name in parts)
    return {"reason": f"{rule.metric} is not measured of {rule.of!r}; it is of {known}"}


def _wanted(rule: Rule, found: Measured, metrics: Facts) -> str:
    """What a rule for a share says where not even a model without an error would pass on so few samples."""
    confidence = within(metrics.get("confidence"), 0, 1)
    if rule.at_least is None or rule.by == "estimate" or confidence is None or found.low is None:
        return ""
    if found.low >= rule.at_least:
        return ""
    kind = mapping(mapping(metrics.get("metrics")).get(rule.name)).get("interval")
    if kind != "proportion" or found.n is None:
        return ""
    wanted = for_proportion(rule.at_least, (1 - confidence) / 2)
    return f"; too few: wants at least {wanted} samples" if found.n < wanted else ""


def _parity(gate: GateParams, release: Release) -> list[Judged]:
    """fp32 must be the trained network; other variants differ by design, so their own metrics judge them."""
    found = mapping(release.parity.get(release.variant))
    some = (number(found.get("samples")) or 0) >= 1
    difference, changed = (
        within(found.get(key), 0, math.inf) if some else None
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
    size = within(mapping(mapping(release.manifest.get("files")).get(name)).get("size"), 1, math.inf)
    return _at_most("size in MB", "size", None if size is None else size / 1e6, gate.max_size_mb)


def _controls(gate: GateParams, metrics: Facts) -> list[Judged]:
    """Negative transfer: better than every control that is known, by a paired interval."""
    pairs = mapping(metrics.get("paired"))
    named = metrics.get("constants")
    constants = [str(name) for name in named] if isinstance(named, list) and named else ["a constant answer"]
    measured = {*constants, SCRATCH, *mapping(metrics.get("controls")), *pairs}
    return [_control(gate, str(name), pairs.get(name), metrics) for name in sorted(measured)]


def _control(gate: GateParams, control: str, differences: object, metrics: Facts) -> Judged:
    metric, margin = gate.better_than_controls.metric, gate.better_than_controls.margin
    found = Measured.of(mapping(differences).get(metric), *range_of_difference(metric, metrics))
    if lower_is_better(metric, metrics):
        found = found.turned()
    outcome = compare(found.low, found.high, margin, True, strictly=True)
    name = f"{metric} better than {control} by more than {margin:g}"
    evidence = sentence(found, outcome, "interval")
    numbers = (None, found.estimate, found.low, found.high, found.n)
    return Judged(name, "control", outcome, evidence, margin, "at_least", metric, *numbers)


def _forgetting(gate: GateParams, metrics: Facts) -> list[Judged]:
    """What the source task lost, by a paired interval."""
    if gate.forgetting is None:
        return []
    metric, bound = gate.forgetting.metric, gate.forgetting.at_most
    paired = mapping(mapping(metrics.get("source")).get("paired"))
    found = Measured.of(paired.get(metric), *range_of_difference(metric, metrics))
    if not lower_is_better(metric, metrics):
        found = found.turned()
    outcome = compare(found.low, found.high, bound, at_least=False)
    name = f"{metric} on the source worse by at most {bound:g}"
    evidence = sentence(found, outcome, "interval")
    numbers = (None, found.estimate, found.low, found.high, found.n)
    return [Judged(name, "forgetting", outcome, evidence, bound, "at_most", metric, *numbers)]


def _training(gate: GateParams, metrics: Facts) -> list[Judged]:
    """What training left in figures without intervals: overfitting and movement."""
    held = mapping(metrics.get("training"))
    gap, movement = mapping(held.get("overfitting")), mapping(held.get("movement"))
    made = []
    if gate.overfitting:
        metric, bound = gate.overfitting.metric, gate.overfitting.at_most
        found, worse = within(gap.get(f"{metric}_gap"), *range_of_difference(metric, metrics)), "above"
        if lower_is_better(metric, metrics):
            found, worse = None if found is None else -found, "below"
        made.append(_at_most(f"training {metric} {worse} validation {metric}", "overfitting", found, bound))
    if gate.movement and gate.movement.weights_at_most is not None:
        found, bound = within(movement.get("weights_relative"), 0, math.inf), gate.movement.weights_at_most
        made.append(_at_most("weights moved, as a share of their length,", "movement", found, bound))
    if gate.movement and gate.movement.features_at_least is not None:
        found, bound = within(movement.get("features_cka"), 0, 1), gate.movement.features_at_least
        outcome, said = (
            compare(found, found, bound, True),
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
    outcome = compare(value, value, bound, at_least=False)
    said = "not measured" if value is None else f"{value:.3g}"
    return Judged(f"{name} at most {bound:g}", kind, outcome, said, bound, "at_most", estimate=value)
