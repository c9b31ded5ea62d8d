"""The ruling: computed by hand where it can be, defined for any two models, and never in favour of an equal."""

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from classified import judged
from hypothesis import given, settings
from hypothesis import strategies as st
from outcomes import drawn, said

from components.errors import EvaluationError
from components.evaluation.binomial import paired_shares
from components.evaluation.intervals import paired
from components.evaluation.promotion import (
    KEEP,
    PROMOTE,
    SKIPPED,
    Pair,
    Ruling,
    decide,
    gated,
    mcnemar,
)
from components.evaluation.sizes import for_difference
from components.evaluation.spread import Plan
from components.params.promotion import PromotionParams
from components.params.release import Rule
from components.problems.classification.judge import TABLE
from components.problems.classification.judge.metrics import Outcome

PLAN = Plan(confidence=0.95)
JUDGE = judged()
OUTCOMES = {"promote", "keep", "inconclusive"}


def _params(**changes: object) -> PromotionParams:
    """`auto` as params.yaml as a whole settles it for classification."""
    slices = changes.pop("slices", {})
    assert isinstance(slices, dict)
    named = {"metric": "balanced_accuracy", "slices": {"metric": "accuracy", **slices}}
    return PromotionParams.model_validate({**named, **changes})


def _right(count: int, right: int, shift: int = 0) -> Outcome:
    """Classes in turn; all but the samples right … count - 1 are decided well, counted from `shift` on."""
    targets = [i % 2 for i in range(count)]
    good = [(i - shift) % count < right for i in range(count)]
    return said(targets, [0.9 if (t == 1) == g else 0.1 for t, g in zip(targets, good, strict=True)])


def _decide(candidate: Outcome, champion: Outcome, newer: int = 0, **changes: object) -> Ruling:
    return decide(
        Pair(candidate, champion, {}, JUDGE),
        PLAN,
        {"balanced_accuracy": "interval"},
        _params(**changes),
        newer,
    )


@dataclass(frozen=True)
class _Lists:
    """Targets and decisions are lists, of different lengths."""

    targets: npt.NDArray[Any]
    decided: npt.NDArray[Any]

    def __len__(self) -> int:
        return len(self.targets)


class _OfLists:
    kept, metrics = "", MappingProxyType({})

    def columns(self, outcome: _Lists) -> dict[str, list[Any]]:
        return {"decided": list(outcome.decided)}


def _lists(*rows: list[int]) -> npt.NDArray[Any]:
    found = np.empty(len(rows), dtype=object)
    for place, row in enumerate(rows):
        found[place] = np.array(row, dtype=np.int64)
    return found


def test_lists_of_different_lengths_are_compared_sample_by_sample() -> None:
    targets = _lists([1, 2], [], [3])
    same, other = _Lists(targets, _lists([1], [], [3, 4])), _Lists(targets, _lists([1], [], [3, 5]))
    assert Pair(same, _Lists(_lists([1, 2], [], [3]), _lists([1], [], [3, 4])), {}, _OfLists()).alike
    assert not Pair(same, other, {}, _OfLists()).alike
    assert not Pair(same, _Lists(targets, _lists([1], [2], [3, 4])), {}, _OfLists()).alike
    for asked in (_lists([1, 2], [], [4]), _lists([1, 2], []), _lists([1, 2], [1], [3])):
        with pytest.raises(EvaluationError, match="were not asked the same"):
            Pair(same, _Lists(asked, asked), {}, _OfLists())


def test_mcnemar_by_hand() -> None:
    """9 gained, 1 lost: p = 2 · (C(10,0) + C(10,1)) / 2^10 = 22 / 1024."""
    champion, candidate = _right(100, 80), _right(100, 80)
    candidate = replace(candidate, decisions=candidate.decisions.copy())
    candidate.decisions[80:89] = candidate.targets[80:89]
    candidate.decisions[0] = 1 - candidate.targets[0]
    found = mcnemar(Pair(candidate, champion, {}, JUDGE))
    assert (found.gained, found.lost) == (9, 1)
    assert found.p == pytest.approx(22 / 1024)


def test_without_a_discordant_decision_nothing_is_shown() -> None:
    found = mcnemar(Pair(_right(40, 30), _right(40, 30), {}, JUDGE))
    assert (found.gained, found.lost, found.p) == (0, 0, 1.0)


def test_a_better_candidate_is_promoted_on_the_same_data() -> None:
    """20 of 400 more: +0.05, by its standard error of sqrt(0.05 · 0.95 / 400) = 0.011 well above 0."""
    ruling = _decide(_right(400, 340), _right(400, 320))
    assert ruling.outcome == PROMOTE
    assert "superior" in ruling.reasons[0]
    better = next(rule for rule in ruling.rules if rule.kind == "superior")
    assert better.estimate == pytest.approx(0.05)
    assert better.evidence.startswith("+0.050 (+0.0")


def test_a_worse_one_is_not_however_new_its_data() -> None:
    ruling = _decide(_right(400, 280), _right(400, 320), newer=1000)
    assert ruling.outcome == KEEP
    assert ruling.reasons[0].startswith("accuracy loses at most 0.02: -0.100")


def test_as_good_a_one_is_promoted_only_with_newer_data() -> None:
    """2 of 1000 fewer: -0.002, its lower bound above -0.02."""
    candidate, champion = _right(1000, 898), _right(1000, 900)
    assert _decide(candidate, champion).outcome == KEEP
    ruling = _decide(candidate, champion, newer=7)
    assert (ruling.outcome, ruling.reasons) == (
        PROMOTE,
        ("it is not inferior, and learned from 7 newer samples",),
    )


def test_too_few_samples_to_tell_are_inconclusive() -> None:
    """5 gained, 5 lost of 60: the interval of 0 ± 1.96 · sqrt(10 / 60²) = ± 0.1 lies across the margin."""
    ruling = _decide(_right(60, 50, shift=5), _right(60, 50), newer=9)
    assert ruling.outcome == "inconclusive"
    assert ruling.reasons


def test_margins_are_the_parameters() -> None:
    """-0.02 of 1000, standard error 0.0044: within 0.04, across 0.02, and beyond 0.005."""
    candidate, champion = _right(1000, 880), _right(1000, 900)
    found = [_decide(candidate, champion, newer=1, margin=m).outcome for m in (0.04, 0.02, 0.005)]
    assert found == ["promote", "inconclusive", "keep"]
    assert _decide(candidate, champion, newer=1, margin=0.04, margins={"accuracy": 0.005}).outcome == "keep"


def test_significantly_worse_decisions_are_not_superior() -> None:
    """AUROC is better, decisions are worse but within a wide margin: superior says no, newer data may say yes."""
    targets = [0, 1] * 200
    champion = said(targets, [0.1 if t == 0 else 0.9 for t in targets[:-20]] + [0.95, 0.05] * 10)
    # Every sample in its right order, but 60 negatives lie above the threshold.
    scores = [0.51 if t == 0 and i < 120 else (0.2 if t == 0 else 0.9) for i, t in enumerate(targets)]
    candidate = said(targets, scores)
    facts = {"metric": "auroc", "margin": 0.2}
    assert mcnemar(Pair(candidate, champion, {}, JUDGE)).lost == 60
    assert _decide(candidate, champion, **facts).outcome == KEEP
    assert _decide(candidate, champion, newer=1, **facts).outcome == PROMOTE


def test_less_calibration_error_is_better() -> None:
    targets = [0, 1] * 200
    sharp = said(targets, [0.01 if t == 0 else 0.99 for t in targets])
    vague = said(targets, [0.4 if t == 0 else 0.6 for t in targets])
    assert (
        decide(Pair(sharp, vague, {}, JUDGE), PLAN, {"ece": "interval"}, _params(metric="ece"), 0).outcome
        == PROMOTE
    )
    assert decide(Pair(vague, sharp, {}, JUDGE), PLAN, {"ece": "interval"}, _params(), 5).outcome == KEEP


def test_no_slice_may_lose_more_than_its_allowance() -> None:
    """Better as a whole, 30 of 100 worse on b."""
    slices = {"kind": np.array(["a"] * 300 + ["b"] * 100)}
    champion = _right(400, 400, 0)
    champion.decisions[:60] = 1 - champion.targets[:60]
    candidate = _right(400, 370)
    pair = Pair(candidate, champion, slices, JUDGE)
    ruling = decide(pair, PLAN, {}, _params(margin=0.1), 0)
    assert ruling.outcome == KEEP
    assert ruling.reasons[0].startswith("accuracy on kind=b loses at most 0.05: -0.300")
    lax = _params(slices={"of": {"kind=b": 0.5}})
    assert decide(pair, PLAN, {}, lax, 0).outcome == PROMOTE


def test_slices_too_small_to_judge_are_shown_and_block_nothing() -> None:
    slices = {"kind": np.array(["a"] * 390 + ["rare"] * 10)}
    ruling = decide(Pair(_right(400, 340), _right(400, 320), slices, JUDGE), PLAN, {}, _params(), 0)
    rare = next(rule for rule in ruling.rules if rule.slice == "kind=rare")
    assert (ruling.outcome, rare.outcome, rare.n) == (PROMOTE, SKIPPED, 10)


def test_a_slice_may_be_judged_by_its_estimate() -> None:
    """1 of 40 lost: -0.025, but its interval reaches beyond -0.05."""
    slices = {"kind": np.array(["a"] * 40 + ["b"] * 960)}
    champion = _right(1000, 940)
    candidate = _right(1000, 980)
    candidate.decisions[0] = 1 - candidate.targets[0]
    pair = Pair(candidate, champion, slices, JUDGE)
    by = [decide(pair, PLAN, {}, _params(slices={"by": by}), 0).outcome for by in ("interval", "estimate")]
    assert by == ["inconclusive", "promote"]


def test_samples_of_a_group_are_not_independent() -> None:
    """The 20 samples gained are all of one group of 20: there is no telling."""
    groups = np.repeat(np.arange(20), 20)
    pair = Pair(_right(400, 340), _right(400, 320), {}, JUDGE)
    assert decide(pair, PLAN, {}, _params(), 0).outcome == PROMOTE
    assert decide(pair, replace(PLAN, groups=groups), {}, _params(), 0).outcome == "inconclusive"


def test_too_small_a_slice_says_how_many_samples_it_wants() -> None:
    """Worse by nothing that shows: 30 samples without a discordant decision leave -0.13, 83 leave -0.05."""
    slices = {"kind": np.array(["b"] * 30 + ["a"] * 370)}
    ruling = decide(Pair(_right(400, 390), _right(400, 370), slices, JUDGE), PLAN, {}, _params(), 0)
    part = next(rule for rule in ruling.rules if rule.slice == "kind=b")
    assert part.outcome == "inconclusive"
    assert "too few: wants at least" in part.evidence
    few, enough = (
        paired_shares(0, 0, n, 0.025)[0]
        for n in (for_difference(0.05, 0.025) - 1, for_difference(0.05, 0.025))
    )
    assert few < -0.05 <= enough


@pytest.mark.parametrize(
    ("samples", "margin", "seed"), [(30, 0.05, 1), (50, 0.05, 2), (100, 0.02, 3), (262, 0.02, 4)]
)
def test_a_slice_that_is_worse_by_the_margin_is_hardly_ever_promoted(
    samples: int, margin: float, seed: int
) -> None:
    """As many discordant decisions as the margin: the percentile bootstrap promoted 25 % of slices of 30."""
    draw = np.random.default_rng(seed)
    champion = said([0, 1] * (samples // 2), [0.1, 0.9] * (samples // 2))
    passed = 0
    for _ in range(400):
        lost = draw.random(samples) < margin
        decisions = np.where(lost, 1 - champion.targets, champion.targets)
        gain = paired(
            replace(champion, decisions=decisions), champion, PLAN, {"accuracy": TABLE["accuracy"]}
        )["accuracy"]
        passed += gain.low is not None and gain.low >= -margin
    assert passed <= 18  # 2.5 % of 400 are 10; more than 18 has a probability of 0.4 %


def test_a_metric_that_the_gate_judges_by_its_estimate_is_compared_by_it_too() -> None:
    rules = [
        Rule(metric="ece", at_most=0.1, by="estimate"),
        Rule(metric="auroc", at_least=0.8, by="estimate"),
        Rule(metric="auroc", at_least=0.7, slice="a=b"),
        Rule(metric="accuracy", at_least=0.7, by="estimate"),
    ]
    assert gated(rules) == {"ece": "estimate", "auroc": "interval", "accuracy": "estimate"}
    ruling = decide(
        Pair(_right(60, 50), _right(60, 50, shift=1), {}, JUDGE), PLAN, gated(rules), _params(), 1
    )
    by = {rule.metric: rule for rule in ruling.rules if rule.kind == "metric"}
    assert by["ece"].evidence.endswith("judged by the estimate")
    assert "judged by the estimate" not in by["accuracy"].evidence


def test_different_questions_are_not_compared() -> None:
    with pytest.raises(EvaluationError, match="not asked the same"):
        Pair(_right(40, 30), _right(42, 30), {}, JUDGE)


def test_an_empty_test_side_is_inconclusive() -> None:
    assert _decide(said([], []), said([], []), newer=1).outcome == "inconclusive"


def test_a_model_that_says_nan_is_inconclusive() -> None:
    assert _decide(said([0, 1] * 20, [np.nan] * 40), _right(40, 30), newer=1).outcome == "inconclusive"


SEEDS = st.integers(0, 10_000)


@settings(max_examples=40, deadline=None)
@given(SEEDS, SEEDS, st.integers(2, 60), st.integers(2, 4), st.integers(0, 3), st.floats(0, 0.99))
def test_any_two_models_get_a_ruling_with_a_reason(
    one: int, other: int, samples: int, classes: int, newer: int, margin: float
) -> None:
    count = samples + classes
    candidate, champion = drawn(count, classes, one), drawn(count, classes, other)
    champion = replace(candidate, probabilities=champion.probabilities, decisions=champion.decisions)
    slices = {"part": np.array(["x", "y"])[np.random.default_rng(one).integers(0, 2, count)]}
    ruling = decide(
        Pair(candidate, champion, slices, judged(classes)),
        PLAN,
        {"auroc": "interval"},
        _params(margin=margin),
        newer,
    )
    assert ruling.outcome in OUTCOMES
    assert ruling.reasons


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.integers(0, 40), st.integers(0, 5), st.booleans())
def test_a_model_never_beats_itself(seed: int, samples: int, newer: int, broken: bool) -> None:
    model = drawn(samples + 2, 2, seed)
    if broken:
        model.probabilities[0] = np.nan
    assert (
        decide(
            Pair(model, model, {}, JUDGE), PLAN, {"auroc": "interval", "ece": "estimate"}, _params(), newer
        ).outcome
        == KEEP
    )
