"""What each kind of rule says, in words that can be read aloud."""

import pytest

from components.evaluation.gates import Release, judge
from components.evaluation.judged import Judged
from components.params.release import GateParams
from components.problems.classification.judge import TABLE

SHA = "a" * 64
# What the evaluation says of the metrics.
KNOWN = {name: metric.as_json() for name, metric in TABLE.items()}


def _gate(**changes: object) -> GateParams:
    return GateParams.model_validate({"rules": [{"metric": "accuracy", "at_least": 0.82}], **changes})


def _release(variant: str = "fp32", size: int = 14_000_000, **parity: object) -> Release:
    file = {"fp32": "model.onnx", "int8": "model.int8.onnx"}[variant]
    measured = {"samples": 200, "max_difference": 2e-6, "changed_decisions": 0, **parity}
    return Release(variant, SHA, {variant: measured}, {"released": variant, "files": {file: {"size": size}}})


def _rule(kind: str, gate: GateParams, release: Release, metrics: dict[str, object]) -> list[Judged]:
    known = {"metrics": KNOWN, "constants": ["majority"]}
    return [rule for rule in judge(gate, release, {**known, **metrics}).rules if rule.kind == kind]


def _accuracy(
    low: float | None, estimate: float | None, high: float | None, n: int = 641
) -> dict[str, object]:
    facts = {"estimate": estimate, "low": low, "high": high, "n": n}
    return {"variants": {"fp32": {"accuracy": facts}}, "slices": {"type=mono": {"fp32": {"accuracy": facts}}}}


@pytest.mark.parametrize(
    ("interval", "outcome", "evidence"),
    [
        ((0.861, 0.886, 0.909), "pass", "0.886 (0.861 to 0.909, n = 641)"),
        ((0.82, 0.85, 0.88), "pass", "0.850 (0.820 to 0.880, n = 641)"),
        ((0.80, 0.83, 0.86), "inconclusive", "0.830 (0.800 to 0.860, n = 641), across the bound"),
        ((0.70, 0.75, 0.81), "fail", "0.750 (0.700 to 0.810, n = 641)"),
        ((None, 0.9, None), "inconclusive", "0.900 (no interval, n = 641)"),
        ((None, None, None), "inconclusive", "undefined on these 641 samples"),
    ],
)
def test_a_metric_by_its_interval(interval: tuple[float | None, ...], outcome: str, evidence: str) -> None:
    rule = _rule("metric", _gate(), _release(), _accuracy(*interval))[0]  # type: ignore[arg-type]
    assert (rule.rule, rule.outcome, rule.evidence) == ("accuracy at least 0.82", outcome, evidence)
    assert (rule.low, rule.estimate, rule.high, rule.n, rule.bound) == (*interval, 641, 0.82)


def test_a_rule_that_no_model_could_pass_on_so_few_samples_says_how_many_it_wants() -> None:
    """0.025^(1/18) = 0.815 < 0.82, 0.025^(1/19) = 0.824."""
    metrics = {**_accuracy(0.78, 1.0, 1.0, n=15), "confidence": 0.95}
    rule = _rule("metric", _gate(), _release(), metrics)[0]
    assert rule.outcome == "inconclusive"
    assert rule.evidence.endswith("; too few: wants at least 19 samples")


def test_why_there_is_no_interval_is_said() -> None:
    facts = {
        "estimate": 0.9,
        "low": None,
        "high": None,
        "n": 60,
        "reason": "9 groups are too few: wants at least 10",
    }
    rule = _rule("metric", _gate(), _release(), {"variants": {"fp32": {"accuracy": facts}}})[0]
    assert rule.outcome == "inconclusive"
    assert rule.evidence == "0.900 (no interval: 9 groups are too few: wants at least 10)"


def test_a_metric_by_its_estimate() -> None:
    gate = _gate(rules=[{"metric": "accuracy", "at_least": 0.82, "by": "estimate"}])
    rule = _rule("metric", gate, _release(), _accuracy(0.8, 0.83, 0.86))[0]
    assert rule.outcome == "pass"
    assert rule.evidence == "0.830 (0.800 to 0.860, n = 641), judged by the estimate"
    assert _rule("metric", gate, _release(), _accuracy(0.8, 0.819, 0.86))[0].outcome == "fail"


def test_a_metric_at_most() -> None:
    gate = _gate(rules=[{"metric": "accuracy", "at_most": 0.5}])
    found = [
        _rule("metric", gate, _release(), _accuracy(*v))[0].outcome
        for v in ((0.3, 0.4, 0.5), (0.4, 0.5, 0.6), (0.6, 0.7, 0.8))
    ]
    assert found == ["pass", "inconclusive", "fail"]


def test_a_slice_is_judged_by_itself_and_an_empty_one_by_nothing() -> None:
    gate = _gate(
        rules=[{"metric": "accuracy", "at_least": 0.5, "slice": s} for s in ("type=mono", "type=odd")]
    )
    mono, odd = _rule("metric", gate, _release(), _accuracy(0.6, 0.7, 0.8))
    assert (mono.rule, mono.outcome) == ("accuracy on type=mono at least 0.5", "pass")
    assert (odd.outcome, odd.evidence) == ("inconclusive", "not measured")
    empty = _rule("metric", gate, _release(), _accuracy(0.6, 0.7, 0.8, n=0))[0]
    assert (empty.outcome, empty.evidence) == ("inconclusive", "not measured")


def test_fp32_must_be_the_trained_network() -> None:
    difference, changed = _rule("parity", _gate(), _release(max_difference=3e-4, changed_decisions=1), {})
    assert (difference.outcome, difference.evidence) == ("fail", "0.0003")
    assert (changed.rule, changed.outcome) == ("decisions changed by the export at most 0", "fail")


def test_int8_may_differ_but_what_it_changes_is_said() -> None:
    release = _release("int8", max_difference=0.2, changed_decisions=3)
    (rule,) = _rule("parity", _gate(), release, {})
    assert (rule.outcome, rule.evidence) == ("pass", "3 of 200 decisions")
    (rule,) = _rule("parity", _gate(), _release("int8", changed_decisions=None), {})
    assert (rule.outcome, rule.evidence) == ("inconclusive", "not measured")


def test_parity_on_no_sample_is_not_measured() -> None:
    assert {rule.outcome for rule in _rule("parity", _gate(), _release(samples=0), {})} == {"inconclusive"}


@pytest.mark.parametrize(
    ("size", "outcome"), [(14_000_000, "pass"), (20_000_000, "pass"), (20_000_001, "fail")]
)
def test_the_size_is_that_of_the_released_file(size: int, outcome: str) -> None:
    (rule,) = _rule("size", _gate(max_size_mb=20), _release("int8", size=size), {})
    assert (rule.rule, rule.outcome) == ("size in MB at most 20", outcome)


def _better(metric: str, low: float, high: float) -> list[Judged]:
    facts = {metric: {"estimate": (low + high) / 2, "low": low, "high": high, "n": 50}}
    gate = _gate(better_than_controls={"metric": metric, "margin": 0.02})
    return _rule("control", gate, _release(), {"paired": {"majority": facts, "scratch": facts}})


@pytest.mark.parametrize(
    ("low", "high", "outcome"),
    [(0.03, 0.1, "pass"), (0.02, 0.1, "inconclusive"), (0.0, 0.1, "inconclusive"), (-0.1, 0.01, "fail")],
)
def test_a_control_must_be_beaten_by_more_than_the_margin(low: float, high: float, outcome: str) -> None:
    rules = _better("balanced_accuracy", low, high)
    assert [rule.outcome for rule in rules] == [outcome, outcome]
    assert rules[0].rule == "balanced_accuracy better than majority by more than 0.02"


def test_better_means_lower_for_a_calibration_error() -> None:
    assert {rule.outcome for rule in _better("ece", -0.2, -0.1)} == {"pass"}
    assert {rule.outcome for rule in _better("ece", 0.1, 0.2)} == {"fail"}
    assert _better("ece", -0.2, -0.1)[0].low == 0.1


def test_a_bundle_that_releases_another_variant_than_params_is_not_judged() -> None:
    release = Release("int8", SHA, {}, {"released": "fp32"})
    (rule,) = _rule("identity", _gate(), release, {"release_sha256": SHA})
    assert (rule.outcome, rule.evidence) == ("inconclusive", "params release int8, the bundle says fp32")


def test_one_failure_outweighs_what_is_open() -> None:
    verdict = judge(_gate(), _release(), {**_accuracy(0.1, 0.2, 0.3), "metrics": KNOWN})
    assert {"fail", "inconclusive"} <= {rule.outcome for rule in verdict.rules}
    assert verdict.verdict == "fail"
    assert verdict.as_json()["release_sha256"] == SHA


@pytest.mark.parametrize(
    ("low", "high", "outcome"),
    [(-0.04, 0.01, "pass"), (-0.12, -0.06, "fail"), (-0.08, 0.0, "inconclusive"), (0.01, 0.03, "pass")],
)
def test_forgetting_is_judged_by_what_the_source_lost(low: float, high: float, outcome: str) -> None:
    paired = {"accuracy": {"estimate": (low + high) / 2, "low": low, "high": high, "n": 90}}
    gate = _gate(forgetting={"metric": "accuracy", "at_most": 0.05})
    (rule,) = _rule("forgetting", gate, _release(), {"source": {"paired": paired}})
    assert (rule.rule, rule.outcome) == ("accuracy on the source worse by at most 0.05", outcome)


def test_forgetting_asked_for_and_not_measured_is_open() -> None:
    (rule,) = _rule("forgetting", _gate(forgetting={}), _release(), {})
    assert (rule.outcome, rule.evidence) == ("inconclusive", "not measured")


def test_overfitting_and_movement_have_bounds() -> None:
    gate = _gate(
        overfitting={"metric": "accuracy", "at_most": 0.1},
        movement={"weights_at_most": 0.3, "features_at_least": 0.9},
    )
    training = {
        "overfitting": {"accuracy_gap": 0.12},
        "movement": {"weights_relative": 0.2, "features_cka": 0.95},
    }
    (gap,) = _rule("overfitting", gate, _release(), {"training": training})
    weights, features = _rule("movement", gate, _release(), {"training": training})
    assert [gap.outcome, weights.outcome, features.outcome] == ["fail", "pass", "pass"]
    assert gap.rule == "training accuracy above validation accuracy at most 0.1"
    missing = _rule("movement", gate, _release(), {"training": {"movement": {"features_cka": None}}})
    assert [rule.outcome for rule in missing] == ["inconclusive", "inconclusive"]


@pytest.mark.parametrize(
    ("metric", "gap", "outcome", "rule"),
    [
        ("accuracy", 0.3, "fail", "training accuracy above validation accuracy"),
        ("accuracy", -0.3, "pass", "training accuracy above validation accuracy"),
        ("subset_accuracy", 0.1, "pass", "training subset_accuracy above validation subset_accuracy"),
        ("mae", -0.3, "fail", "training mae below validation mae"),
        ("mae", 0.3, "pass", "training mae below validation mae"),
        ("mae", -0.1, "pass", "training mae below validation mae"),
        ("rmse", -0.1, "inconclusive", "training rmse above validation rmse"),
    ],
)
def test_overfitting_is_the_gap_of_the_problem_s_score_in_its_direction(
    metric: str, gap: float, outcome: str, rule: str
) -> None:
    said = {
        "accuracy": {"better": "higher", "range": [0, 1]},
        "subset_accuracy": {"better": "higher", "range": [0, 1]},
        "mae": {"better": "lower", "range": [0, None]},
    }
    facts = {"metrics": said, "training": {"overfitting": {f"{metric}_gap": gap}}}
    gate = _gate(overfitting={"metric": metric, "at_most": 0.2})
    (found,) = _rule("overfitting", gate, _release(), facts)
    assert (found.outcome, found.rule) == (outcome, f"{rule} at most 0.2")


@pytest.mark.parametrize(
    "said", [{}, {"accuracy": {}}, {"accuracy": {"range": [0, 0.8]}}, {"auroc": KNOWN["auroc"]}]
)
def test_a_metric_of_which_nothing_is_known_or_out_of_its_range_is_open(said: dict[str, object]) -> None:
    (rule,) = _rule("metric", _gate(), _release(), {**_accuracy(0.85, 0.9, 0.95), "metrics": said})
    assert (rule.outcome, rule.evidence) == ("inconclusive", "undefined on these 641 samples")


def test_without_a_known_constant_answer_there_is_one_control_more_that_was_not_measured() -> None:
    facts = {"balanced_accuracy": {"estimate": 0.1, "low": 0.05, "high": 0.2, "n": 50}}
    for constants in ([], None, "majority"):
        metrics: dict[str, object] = {"paired": {"scratch": facts}, "constants": constants}
        gate = _gate(better_than_controls={"metric": "balanced_accuracy"})
        rules = _rule("control", gate, _release(), metrics)
        assert [rule.outcome for rule in rules] == ["inconclusive", "pass"]
        assert "a constant answer" in rules[0].rule
