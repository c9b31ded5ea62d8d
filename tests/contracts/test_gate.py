"""The gate is closed by default: no rule, kind or variant passes without complete evidence, whatever is missing."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from written import PARAMS

from components.errors import ParamsError
from components.evaluation.gates import SCRATCH, Release, Verdict, judge
from components.params.load import check
from components.params.release import GateParams

ROOT = Path(__file__).parents[2]
GATE = GateParams.model_validate(
    {
        "rules": [
            {"metric": "accuracy", "at_least": 0.8},
            {"metric": "auroc", "at_least": 0.7, "slice": "type=mono"},
            {"metric": "ece", "at_most": 0.1, "by": "estimate"},
        ],
        "max_size_mb": 20,
        "better_than_controls": {"metric": "balanced_accuracy"},
        "forgetting": {"metric": "accuracy", "at_most": 0.05},
        "overfitting": {"metric": "accuracy", "at_most": 0.1},
        "movement": {"weights_at_most": 0.5, "features_at_least": 0.6},
    }
)
CONTROLS = (
    "majority",
    SCRATCH,
)  # what is asked for in any case: constant answers, and the network from scratch
VARIANTS = ("fp32", "int8", "fp16")
JUNK = (None, float("nan"), float("inf"), float("-inf"), "0.9", True, [], {}, -7, 7.5)
RANK = {"fail": 0, "inconclusive": 1, "pass": 2}
Path_ = tuple[str, ...]


def _interval(low: float, high: float, n: int = 100) -> dict[str, object]:
    return {"estimate": (low + high) / 2, "low": low, "high": high, "n": n}


def _good(variant: str) -> dict[str, object]:
    """Everything that the gate reads, and nothing else, all of it good."""
    measured = {"accuracy": _interval(0.85, 0.9), "ece": _interval(0.01, 0.03)}
    return {
        "metrics": {
            "metrics": {
                "accuracy": {"range": [0, 1]},
                "auroc": {"range": [0, 1]},
                "ece": {"range": [0, 1]},
                "balanced_accuracy": {"range": [0, 1]},
            },
            "constants": ["majority"],
            "variants": {variant: measured},
            "slices": {"type=mono": {variant: {"auroc": _interval(0.8, 0.9)}}},
            "controls": {name: {} for name in CONTROLS},
            "paired": {name: {"balanced_accuracy": _interval(0.1, 0.2)} for name in CONTROLS},
            "source": {"paired": {"accuracy": _interval(-0.02, 0.01)}},
            "training": {
                "overfitting": {"accuracy_gap": 0.05},
                "movement": {"weights_relative": 0.2, "features_cka": 0.8},
            },
            "release_sha256": "d" * 64,
        },
        "parity": {variant: {"samples": 200, "max_difference": 1e-6, "changed_decisions": 0}},
        "manifest": {
            "released": variant,
            "files": {"model.onnx" if variant == "fp32" else f"model.{variant}.onnx": {"size": 10**7}},
        },
    }


def _judge(facts: object, variant: str, gate: GateParams = GATE) -> Verdict:
    assert isinstance(facts, dict)
    release = Release(variant, "d" * 64, facts.get("parity") or {}, facts.get("manifest") or {})
    return judge(gate, release, facts.get("metrics") or {})


def _paths(value: object, above: Path_ = ()) -> Iterator[Path_]:
    if isinstance(value, dict):
        for key, below in value.items():
            yield (*above, key)
            yield from _paths(below, (*above, key))


def _changed(facts: dict[str, object], path: Path_, *new: object) -> dict[str, object]:
    """A copy with `new` at `path`; without `new`, the key is gone."""
    copied = copy.deepcopy(facts)
    place = copied
    for key in path[:-1]:
        place = place[key]  # type: ignore[assignment]
    if new:
        place[path[-1]] = new[0]
    else:
        del place[path[-1]]
    return copied


def _name(value: str | Path_) -> str:
    return value if isinstance(value, str) else "/".join(value)


EVERY = [(variant, path) for variant in VARIANTS for path in _paths(_good(variant))]


def _shown_only(variant: str, path: Path_) -> bool:
    """What the verdict does not rest on.

    The list of controls adds names to those that are always asked for; an interval is shown beside an estimate that
    judges; a variant may differ from torch.
    """
    by_estimate = "ece" in path and path[-1] in ("low", "high")
    return "controls" in path or by_estimate or (path[-1] == "max_difference" and variant != "fp32")


@pytest.mark.parametrize("variant", VARIANTS)
def test_complete_and_good_evidence_passes(variant: str) -> None:
    verdict = _judge(_good(variant), variant)
    assert verdict.verdict == "pass", verdict.rules
    assert all(rule.outcome == "pass" and rule.evidence for rule in verdict.rules)


@pytest.mark.parametrize(("variant", "path"), EVERY, ids=_name)
def test_a_missing_key_never_passes(variant: str, path: Path_) -> None:
    verdict = _judge(_changed(_good(variant), path), variant)
    if not _shown_only(variant, path):
        assert verdict.verdict == "inconclusive", path
    json.dumps(verdict.as_json(), allow_nan=False)


# Reading a file makes sure that it holds an object, so the files themselves are not junk.
@pytest.mark.parametrize(("variant", "path"), [(v, p) for v, p in EVERY if len(p) > 1], ids=_name)
def test_junk_in_place_of_evidence_never_passes_and_never_crashes(variant: str, path: Path_) -> None:
    for junk in JUNK:
        verdict = _judge(_changed(_good(variant), path, junk), variant)
        is_a_number = junk == 7.5 and path[-1] in ("samples", "size", "changed_decisions")
        if not _shown_only(variant, path) and not is_a_number:
            assert verdict.verdict != "pass", junk
        json.dumps(verdict.as_json(), allow_nan=False)


@settings(deadline=None, max_examples=200)
@given(data=st.data())
def test_taking_evidence_away_never_opens_the_gate(data: st.DataObject) -> None:
    """Start from any evidence, good or bad; drop keys: what did not pass before does not pass after."""
    facts = _good("fp32")
    numbers = [
        p for p in _paths(facts) if p[-1] in ("low", "high", "estimate", "n", "size", "max_difference")
    ]
    for path in data.draw(st.lists(st.sampled_from(numbers), max_size=4)):
        facts = _changed(facts, path, data.draw(st.one_of(st.floats(-1, 2), st.just(0), st.none())))
    before = _judge(facts, "fp32").verdict
    for _ in range(data.draw(st.integers(1, 3))):
        facts = _changed(facts, data.draw(st.sampled_from(list(_paths(facts)))))
        after = _judge(facts, "fp32").verdict
        assert before == "pass" or after != "pass"
        if not facts:
            break


@settings(deadline=None, max_examples=200)
@given(low=st.floats(0, 1), width=st.floats(0, 0.5), better=st.floats(0, 0.5), bound=st.floats(0, 1))
def test_a_better_model_is_never_judged_worse(low: float, width: float, better: float, bound: float) -> None:
    for key, sign in (("at_least", 1), ("at_most", -1)):
        gate = GateParams.model_validate({"rules": [{"metric": "accuracy", key: bound}]})
        outcomes = []
        for shift in (0.0, sign * better):
            ends = [min(max(end + shift, 0.0), 1.0) for end in (low, min(low + width, 1.0))]
            facts = _changed(_good("fp32"), ("metrics", "variants", "fp32", "accuracy"), _interval(*ends))
            outcomes.append(_judge(facts, "fp32", gate).rules[0].outcome)
        assert RANK[outcomes[0]] <= RANK[outcomes[1]]


@settings(deadline=None, max_examples=100)
@given(bound=st.floats(0, 1), stricter=st.floats(0, 0.5))
def test_a_stricter_bound_never_lets_more_pass(bound: float, stricter: float) -> None:
    outcomes = [
        _judge(
            _good("fp32"),
            "fp32",
            GateParams.model_validate({"rules": [{"metric": "accuracy", "at_least": at_least}]}),
        )
        .rules[0]
        .outcome
        for at_least in (bound, bound + stricter)
    ]
    assert RANK[outcomes[0]] >= RANK[outcomes[1]]


def test_no_control_can_be_lost_with_its_comparison() -> None:
    for control in CONTROLS:
        facts = _changed(_good("fp32"), ("metrics", "paired", control))
        facts = _changed(facts, ("metrics", "controls", control))
        assert _judge(facts, "fp32").verdict == "inconclusive"


def test_a_control_that_is_new_must_be_beaten_too() -> None:
    facts = _changed(_good("fp32"), ("metrics", "controls", "linear"), {})
    assert _judge(facts, "fp32").verdict == "inconclusive"
    worse = {"balanced_accuracy": _interval(-0.2, -0.1)}
    assert _judge(_changed(facts, ("metrics", "paired", "linear"), worse), "fp32").verdict == "fail"


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_variant_is_not_judged_by_the_evidence_of_another(variant: str) -> None:
    for other in set(VARIANTS) - {variant}:
        assert _judge(_good(variant), other).verdict == "inconclusive"


def test_evidence_about_another_release_is_none() -> None:
    facts = _changed(_good("fp32"), ("metrics", "release_sha256"), "e" * 64)
    assert _judge(facts, "fp32").verdict == "inconclusive"


@pytest.mark.parametrize("kind", ["latency", "", None])
def test_an_unknown_rule_is_refused_before_it_is_judged(kind: str | None) -> None:
    rule = {"metric": kind, "at_least": 0.5}
    with pytest.raises(ParamsError, match=r"gate\.rules, entry 1, metric"):
        check({**PARAMS, "gate": {"rules": [rule]}})
    if kind is not None:  # nor would it pass if nobody had refused it
        gate = GateParams.model_validate({"rules": [rule]})
        assert _judge(_good("fp32"), "fp32", gate).verdict == "inconclusive"
    with pytest.raises(ValueError, match="rules"):
        GateParams.model_validate({"rules": []})
    with pytest.raises(ValueError, match="Extra inputs"):
        GateParams.model_validate({"rules": [{"metric": "accuracy", "at_least": 0.5, "kind": "latency"}]})


def test_the_demos_gate_refuses_where_there_is_no_evidence() -> None:
    gate = GateParams.model_validate(yaml.safe_load((ROOT / "params.yaml").read_text())["gate"])
    verdict = _judge({}, "fp32", gate)
    assert verdict.verdict == "inconclusive"
    assert {rule.outcome for rule in verdict.rules} == {"inconclusive"}
