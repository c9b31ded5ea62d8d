"""Recall of one class: its interval, its rule in the gate, and what a candidate may lose of it."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from outcomes import said
from scipy.stats import binomtest

from components.evaluation.gates import Release, judge
from components.evaluation.intervals import Interval, intervals, paired
from components.evaluation.judged import Judged
from components.evaluation.promotion import Pair, Ruling, decide, gated
from components.evaluation.spread import Plan
from components.params.promotion import PromotionParams
from components.params.release import GateParams, Rule
from components.params.task import TaskParams
from components.problems.classification.judge import Judge
from components.problems.classification.judge import recalls as recall_metrics
from components.problems.classification.judge.metrics import Outcome

PLAN = Plan(confidence=0.95)
CLASSES = ("functional", "defective")
JUDGE = Judge(TaskParams(), {"problem": "classification", "classes": list(CLASSES)})


def recalls(outcome: Outcome, plan: Plan, classes: Sequence[str]) -> dict[str, Interval]:
    found = intervals(outcome, plan, recall_metrics(classes))
    return {name.removeprefix("recall of "): interval for name, interval in found.items()}


def paired_recalls(one: Outcome, other: Outcome, plan: Plan, classes: Sequence[str]) -> dict[str, Interval]:
    found = paired(one, other, plan, recall_metrics(classes))
    return {name.removeprefix("recall of "): interval for name, interval in found.items()}


def _outcome(functional: tuple[int, int], defective: tuple[int, int]) -> Outcome:
    """(samples, how many of them are decided right) of each class."""
    targets, scores = [], []
    for index, (count, right) in enumerate((functional, defective)):
        targets += [index] * count
        scores += [0.9 if (index == 1) == (i < right) else 0.1 for i in range(count)]
    return said(targets, scores)


def _judged(outcome: Outcome, **rule: object) -> Judged:
    known = recall_metrics(CLASSES)
    facts = {name: found.as_json() for name, found in intervals(outcome, PLAN, known).items()}
    metrics = {
        "confidence": 0.95,
        "metrics": {name: metric.as_json() for name, metric in known.items()},
        "variants": {"fp32": facts},
        "slices": {"type=mono": {"fp32": facts}},
    }
    gate = GateParams.model_validate({"rules": [{"metric": "recall", "class": "defective", **rule}]})
    return judge(gate, Release("fp32", "", {}, {}), metrics).rules[0]


def _decided(candidate: Outcome, champion: Outcome, **changes: object) -> Ruling:
    asked = gated([Rule.model_validate({"metric": "recall", "class": "defective", "at_least": 0.5})])
    params = PromotionParams.model_validate(
        {
            "metric": "balanced_accuracy",
            "slices": {"metric": "accuracy"},
            "margins": {"accuracy": 0.9},
            **changes,
        }
    )
    return decide(Pair(candidate, champion, {}, JUDGE), PLAN, asked, params, newer=1)


def test_it_is_the_share_of_a_class_s_samples_with_clopper_pearson_s_interval() -> None:
    found = recalls(_outcome((200, 190), (50, 44)), PLAN, CLASSES)
    for name, right, count in (("functional", 190, 200), ("defective", 44, 50)):
        low, high = binomtest(right, count).proportion_ci(0.95, "exact")
        interval = found[name]
        assert (interval.estimate, interval.n, interval.method) == (right / count, count, "Clopper-Pearson")
        assert [interval.low, interval.high] == pytest.approx([low, high])


def test_of_several_classes_each_has_its_own() -> None:
    targets = np.repeat([0, 1, 2], [10, 20, 30])
    decisions = np.where(np.arange(60) % 10 == 0, 0, targets)  # one of ten says class 0
    found = recalls(Outcome(targets, np.eye(3)[decisions], decisions), PLAN, ("a", "b", "c"))
    assert [interval.estimate for interval in found.values()] == [1.0, 0.9, 0.9]


def test_with_groups_only_those_count_that_hold_the_class() -> None:
    """20 groups, 9 of which hold defective samples: too few for its recall, enough for the other's."""
    outcome = _outcome((200, 150), (90, 60))
    groups = np.concatenate([np.arange(200) % 20, np.arange(90) % 9])
    found = recalls(outcome, Plan(0.95, groups), CLASSES)
    assert found["defective"].reason == "9 groups are too few: wants at least 10"
    assert found["functional"].low is not None
    # Groups that are right or wrong as a whole: 15 of 20 independent units, not 150 of 200 samples.
    alike = replace(outcome, decisions=np.where(groups % 4 == 0, 1 - outcome.targets, outcome.targets))
    low = recalls(alike, Plan(0.95, groups), CLASSES)["functional"].low
    assert low is not None
    assert low <= binomtest(15, 20).proportion_ci(0.95, "exact").low + 1e-9


def test_a_class_without_samples_is_said_to_have_none() -> None:
    found = recalls(_outcome((20, 20), (0, 0)), PLAN, CLASSES)["defective"]
    assert (found.estimate, found.n, found.reason) == (None, 0, "no sample is of class 'defective'")


def test_a_difference_has_its_interval_on_the_samples_of_the_class() -> None:
    """5 of 50 lost, and nothing of the other class: as two models on the 50 alone."""
    one, other = _outcome((200, 190), (50, 40)), _outcome((200, 190), (50, 45))
    found = paired_recalls(one, other, PLAN, CLASSES)
    assert found["defective"].estimate == pytest.approx(-0.1)
    assert found["defective"].method == "Tango and MOVER"
    alone = paired_recalls(_outcome((0, 0), (50, 40)), _outcome((0, 0), (50, 45)), PLAN, CLASSES)
    assert alone["defective"] == found["defective"]
    assert found["functional"].estimate == 0


@pytest.mark.parametrize(("slice_", "on"), [(None, ""), ("type=mono", " on type=mono")])
def test_the_gate_asks_for_one_class(slice_: str | None, on: str) -> None:
    """0.88, from 0.757: passes 0.75, not 0.8; the other class has 0.95."""
    outcome = _outcome((200, 190), (50, 44))
    rule = _judged(outcome, at_least=0.75, slice=slice_)
    assert (rule.rule, rule.outcome) == (f"recall of defective{on} at least 0.75", "pass")
    assert rule.evidence == "0.880 (0.757 to 0.955, n = 50)"
    assert _judged(outcome, at_least=0.8, slice=slice_).outcome == "inconclusive"
    assert _judged(outcome, at_least=0.97, slice=slice_).outcome == "fail"
    assert _judged(outcome, **{"class": "functional"}, at_least=0.9, slice=slice_).outcome == "pass"


def test_the_gate_says_how_many_samples_of_the_class_it_wants() -> None:
    rule = _judged(_outcome((500, 500), (16, 16)), at_least=0.8)
    assert rule.outcome == "inconclusive"
    assert rule.evidence.endswith("; too few: wants at least 17 samples")


def test_the_gate_is_open_about_a_class_that_is_not_there() -> None:
    unknown = _judged(_outcome((20, 20), (20, 20)), **{"class": "broken"}, at_least=0.1)
    assert (unknown.outcome, unknown.evidence) == (
        "inconclusive",
        "recall is not measured of 'broken'; it is of functional, defective",
    )
    none = _judged(_outcome((20, 20), (0, 0)), at_least=0.1)
    assert (none.outcome, none.evidence) == ("inconclusive", "no sample is of class 'defective'")
    gate = GateParams.model_validate({"rules": [{"metric": "recall", "class": "broken", "at_least": 0.1}]})
    older = judge(gate, Release("fp32", "", {}, {}), {"variants": {"fp32": {}}}).rules[0]
    assert (older.outcome, older.evidence) == ("inconclusive", "not measured")


def test_a_candidate_that_loses_the_recall_of_a_gated_class_is_kept_back() -> None:
    """20 of 200 defective samples lost, and 40 of 1,800 others gained: better in accuracy, and not promoted."""
    champion, candidate = _outcome((1800, 1700), (200, 190)), _outcome((1800, 1740), (200, 170))
    ruling = _decided(candidate, champion)
    assert ruling.outcome == "keep"
    assert ruling.reasons[0].startswith("recall of defective loses at most 0.02: -0.100 (-0.")
    assert _decided(candidate, champion, margins={"accuracy": 0.9, "recall": 0.2}).outcome == "promote"


def test_a_promotion_says_how_many_samples_of_the_class_it_wants_and_which_class_there_is_not() -> None:
    """Without a discordant decision Tango's bound d solves (20 d - 0.25)² = 1.96² · 20 d (1 - d): 0.181."""
    champion, candidate = _outcome((1800, 1700), (20, 19)), _outcome((1800, 1740), (20, 19))
    ruling = _decided(candidate, champion)
    assert ruling.outcome == "inconclusive"
    assert ruling.reasons == (
        "recall of defective loses at most 0.02: +0.000 (-0.181 to +0.181, n = 20); too few: wants at least 213 "
        "samples",
    )
    asked = gated([Rule.model_validate({"metric": "recall", "class": "broken", "at_least": 0.5})])
    named = {"metric": "balanced_accuracy", "slices": {"metric": "accuracy"}, "margin": 0.5}
    params = PromotionParams.model_validate(named)
    unknown = decide(Pair(candidate, champion, {}, JUDGE), PLAN, asked, params, newer=1)
    assert (unknown.outcome, unknown.reasons) == (
        "inconclusive",
        ("recall of broken loses at most 0.5: there is no such metric or class",),
    )
