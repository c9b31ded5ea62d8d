"""Intervals: right on cases with a known answer, equal for equal inputs, paired, by group, never without width."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from outcomes import drawn, said
from scipy.stats import binomtest

from benchmarks.populations import two_models, with_area
from components.evaluation.intervals import LEAST_GROUPS, Interval, intervals, paired
from components.evaluation.kinds import apart
from components.evaluation.spread import Plan
from components.problems.classification import METRICS
from components.problems.classification.judge import TABLE
from components.problems.classification.judge.metrics import Outcome

PLAN = Plan(confidence=0.95)


def _bounds(found: Interval) -> tuple[float, float]:
    assert found.low is not None
    assert found.high is not None
    return found.low, found.high


def _width(found: Interval) -> float:
    low, high = _bounds(found)
    return high - low


@pytest.mark.parametrize(("right", "samples"), [(0, 1), (1, 1), (10, 10), (0, 30), (270, 300), (641, 650)])
def test_accuracy_has_clopper_and_pearsons(right: int, samples: int) -> None:
    found = intervals(said([1] * samples, [0.9] * right + [0.1] * (samples - right)), PLAN, TABLE)["accuracy"]
    expected = binomtest(right, samples).proportion_ci(confidence_level=0.95, method="exact")
    assert _bounds(found) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert found.method == "Clopper-Pearson"


def test_all_right_is_no_certainty() -> None:
    """The percentile bootstrap gave [1, 1], which clears any bound; the rule of three gives 1 - 3.7 / n."""
    perfect = said([0, 1] * 50, [0.1, 0.9] * 50)
    found = intervals(perfect, PLAN, TABLE)
    assert found["accuracy"].low == pytest.approx(0.025 ** (1 / 100))
    assert found["auroc"].low is not None
    assert found["auroc"].low <= 0.025 ** (1 / 50)
    assert all(_width(interval) > 0.02 for interval in found.values())


def test_balanced_accuracy_adds_up_the_recalls_distances() -> None:
    """Recalls 9/10 and 18/20; by MOVER the distances' squares add up, over 2."""
    targets, scores = [0] * 10 + [1] * 20, [0.1] * 9 + [0.9] * 19 + [0.1] * 2
    found = intervals(said(targets, scores), PLAN, TABLE)["balanced_accuracy"]
    ends = [binomtest(x, n).proportion_ci(method="exact") for x, n in ((9, 10), (18, 20))]
    below = math.hypot(0.9 - ends[0].low, 0.9 - ends[1].low) / 2
    above = math.hypot(ends[0].high - 0.9, ends[1].high - 0.9) / 2
    assert _bounds(found) == pytest.approx((0.9 - below, 0.9 + above))


def test_f1_is_a_proportion_in_disguise() -> None:
    """TP 30, FP 6, FN 4: J = 30/40, F1 = 2·0.75 / 1.75 = 0.857."""
    targets = [1] * 34 + [0] * 66
    scores = [0.9] * 30 + [0.1] * 4 + [0.9] * 6 + [0.1] * 60
    found = intervals(said(targets, scores), PLAN, TABLE)["f1"]
    ends = binomtest(30, 40).proportion_ci(method="exact")
    assert found.estimate == pytest.approx(6 / 7)
    assert _bounds(found) == pytest.approx((2 * ends.low / (1 + ends.low), 2 * ends.high / (1 + ends.high)))


def test_auroc_has_delongs_standard_error_on_the_logit_scale() -> None:
    """DeLong's variance from its definition: variances of the placements of either class, over their numbers."""
    outcome = drawn(400)
    scores, positive = outcome.probabilities[:, 1], outcome.targets == 1
    wins = (scores[positive][:, None] > scores[~positive]) + (
        scores[positive][:, None] == scores[~positive]
    ) / 2
    area = wins.mean()
    variance = sum(np.var(wins.mean(axis=axis), ddof=1) / wins.shape[1 - axis] for axis in (0, 1))
    off = 1.96 * math.sqrt(variance) / (area * (1 - area))
    low, high = (1 / (1 + math.exp(-(math.log(area / (1 - area)) + sign * off))) for sign in (-1, 1))
    found = intervals(outcome, PLAN, TABLE)["auroc"]
    assert _bounds(found)[0] <= low
    assert _bounds(found)[1] >= high
    assert _width(found) < 1.25 * (high - low)


def test_a_difference_of_skewed_estimates_is_skewed() -> None:
    """0.8 (0.7 to 0.86) and 0.7 (0.6 to 0.78): independent, their distances' squares add up; alike, they cancel."""
    bounds = ((0.7, 0.86), (0.6, 0.78))
    low, high = apart((0.8, 0.7), bounds, 0.0)
    assert (low, high) == pytest.approx((0.1 - math.hypot(0.1, 0.08), 0.1 + math.hypot(0.06, 0.1)))
    assert apart((0.8, 0.7), bounds, 1.0) == pytest.approx((0.1 - 0.02, 0.1 + 0.04))


def test_a_difference_of_precisions_has_the_skew_of_the_worse_model() -> None:
    """By influences alone it reached as far up as down, and 4.7 % of candidates passed that were worse by 0.09."""
    worse, better = two_models(with_area(0.8), with_area(0.95), 0.0)(np.random.default_rng(0), 200)
    found = paired(worse, better, PLAN, TABLE)["average_precision"]
    assert found.estimate is not None
    assert found.estimate - _bounds(found)[0] > 1.02 * (_bounds(found)[1] - found.estimate)


def test_equal_inputs_give_equal_numbers_in_any_order() -> None:
    outcome, order = drawn(80), np.random.default_rng(0).permutation(80)
    turned = Outcome(outcome.targets[order], outcome.probabilities[order], outcome.decisions[order])
    assert intervals(outcome, PLAN, TABLE) == intervals(outcome, PLAN, TABLE)
    for name, found in intervals(turned, PLAN, TABLE).items():
        assert _bounds(found) == pytest.approx(_bounds(intervals(outcome, PLAN, TABLE)[name]), abs=1e-9)


@pytest.mark.parametrize("name", TABLE)
def test_more_confidence_is_wider_and_contains_the_narrower(name: str) -> None:
    outcome, other = drawn(80), drawn(80, seed=0, positive=1)
    other = replace(other, probabilities=drawn(80, seed=5).probabilities)
    for found in (
        lambda plan: intervals(outcome, plan, TABLE),
        lambda plan: paired(outcome, other, plan, TABLE),
    ):
        narrow, wide = (found(Plan(confidence=c))[name] for c in (0.8, 0.99))
        assert _bounds(wide)[0] <= _bounds(narrow)[0]
        assert _bounds(wide)[1] >= _bounds(narrow)[1]
        assert _width(wide) > _width(narrow)


@pytest.mark.parametrize("name", TABLE)
def test_a_model_is_not_different_from_itself_but_that_is_no_certainty_either(name: str) -> None:
    """A difference of a few samples may not show."""
    found = paired(drawn(80), drawn(80), PLAN, TABLE)[name]
    assert found.estimate == 0
    assert _bounds(found) == pytest.approx((-_bounds(found)[1], -_bounds(found)[0]))
    assert _width(found) > 2 * 0.025


def test_pairs_have_narrower_differences_than_their_metrics_say() -> None:
    """One sample of 200 differs: the difference is 0 to a few samples wide, less than each accuracy is."""
    targets = [0, 1] * 100
    scores = [0.3, 0.8] * 95 + [0.8, 0.3] * 5
    one, other = said(targets, scores), said(targets, [*scores[:-1], 0.9])
    difference = paired(other, one, PLAN, TABLE)["accuracy"]
    assert difference.estimate == pytest.approx(1 / 200)
    assert _bounds(difference)[0] < 0
    assert _width(difference) < 0.75 * _width(intervals(one, PLAN, TABLE)["accuracy"])


@pytest.mark.parametrize("name", TABLE)
def test_samples_of_one_group_do_not_count_as_independent(name: str) -> None:
    """Each sample four times: as groups, the interval is at least as wide as that of the single samples."""
    single, other = drawn(100, seed=0), drawn(100, seed=1)
    other = replace(single, probabilities=other.probabilities, decisions=other.decisions)
    four, others = (
        Outcome(*(np.repeat(a, 4, axis=0) for a in (o.targets, o.probabilities, o.decisions)))
        for o in (single, other)
    )
    plan = replace(PLAN, groups=np.repeat(np.arange(100), 4))
    assert _width(intervals(four, PLAN, TABLE)[name]) < _width(intervals(single, PLAN, TABLE)[name])
    for grouped, alone in (
        (intervals(four, plan, TABLE)[name], intervals(single, PLAN, TABLE)[name]),
        (paired(four, others, plan, TABLE)[name], paired(single, other, PLAN, TABLE)[name]),
    ):
        assert grouped.estimate == pytest.approx(alone.estimate)
        assert 0.97 < _width(grouped) / _width(alone) < 1.2


def test_groups_follow_their_samples_into_a_slice() -> None:
    plan = replace(PLAN, groups=np.array(["a", "b", "b", "c"]))
    assert plan.only(np.array([True, False, True, True])).groups is not None
    assert list(plan.only(np.array([True, False, True, True])).groups) == ["a", "b", "c"]


@pytest.mark.parametrize("groups", [1, LEAST_GROUPS - 1])
def test_too_few_groups_say_how_many_are_wanted(groups: int) -> None:
    found = intervals(drawn(90), replace(PLAN, groups=np.arange(90) % groups), TABLE)["accuracy"]
    assert found.estimate is not None
    assert (found.low, found.high) == (None, None)
    assert found.reason == f"{groups} groups are too few: wants at least {LEAST_GROUPS}"


def test_too_few_samples_say_how_many_are_wanted() -> None:
    few = intervals(said([1] * 9 + [0] * 40, [0.9] * 9 + [0.2] * 40), PLAN, TABLE)
    assert few["auroc"].reason == "9 samples of a class are too few: wants at least 10 of each"
    assert few["average_precision"].reason == "9 samples of a class are too few: wants at least 20 of each"
    assert few["accuracy"].reason is None
    assert intervals(drawn(20), PLAN, TABLE)["ece"].reason == "20 samples are too few: wants at least 30"
    one = said([1] * 29 + [0] * 40, [0.9] * 29 + [0.2] * 40)
    assert intervals(one, PLAN, TABLE)["average_precision"].reason is None
    wanted = "29 samples of a class are too few: wants at least 30 of each"
    assert paired(one, one, PLAN, TABLE)["average_precision"].reason == wanted


def test_no_sample_and_one_class_are_none_and_never_nan() -> None:
    for found in intervals(said([], []), PLAN, TABLE).values():
        assert found == Interval(None, None, None, 0)
    one_class = intervals(said([1] * 30, [0.9] * 30), PLAN, TABLE)
    assert one_class["auroc"] == Interval(None, None, None, 30)
    pair = paired(said([1] * 30, [0.9] * 30), said([1] * 30, [0.4] * 30), PLAN, TABLE)
    assert pair["balanced_accuracy"] == Interval(None, None, None, 30)


def test_a_model_that_says_nan_has_no_interval_and_no_estimate() -> None:
    broken = said([0, 1] * 20, [np.nan] * 40)
    assert set(intervals(broken, PLAN, TABLE).values()) == {Interval(None, None, None, 40)}
    assert set(paired(broken, drawn(40), PLAN, TABLE).values()) == {Interval(None, None, None, 40)}


def test_a_class_of_one_sample_has_an_interval_that_knows_it() -> None:
    """Its recall is 1, and may be 0.025."""
    found = intervals(said([1] + [0] * 39, [0.9] + [0.2] * 39), PLAN, TABLE)["balanced_accuracy"]
    assert found.estimate == 1
    assert _bounds(found)[0] == pytest.approx(1 - math.hypot(0.975, 1 - 0.025 ** (1 / 39)) / 2)


@settings(deadline=None, max_examples=150)
@given(
    seed=st.integers(0, 10_000),
    classes=st.integers(2, 4),
    extra=st.integers(0, 60),
    decided=st.sampled_from(["right", "wrong", "one class", "as drawn", "certain"]),
    groups=st.sampled_from([0, 1, 3, 12, 60]),
)
def test_whatever_is_measured_has_an_ordered_interval_with_width_or_a_reason(
    seed: int, classes: int, extra: int, decided: str, groups: int
) -> None:
    samples = classes + extra
    outcome, other = drawn(samples, classes, seed), drawn(samples, classes, seed + 1)
    outcome = {
        "right": replace(outcome, decisions=outcome.targets),
        "wrong": replace(outcome, decisions=(outcome.targets + 1) % classes),
        "one class": replace(outcome, decisions=np.zeros(samples, dtype=np.int64)),
        "as drawn": outcome,
        "certain": replace(outcome, probabilities=np.eye(classes)[outcome.targets]),
    }[decided]
    plan = replace(PLAN, groups=np.arange(samples) % groups if groups else None)
    for found, least in (
        (intervals(outcome, plan, TABLE), 0.0),
        (paired(outcome, replace(other, targets=outcome.targets), plan, TABLE), -1.0),
        (paired(outcome, outcome, plan, TABLE), -1.0),
    ):
        assert set(found) == set(TABLE)
        for interval in found.values():
            if interval.low is None or interval.high is None or interval.estimate is None:
                assert interval.estimate is None or interval.reason
            else:
                assert least <= interval.low <= interval.estimate <= interval.high <= 1
                assert interval.high > interval.low


def test_every_metric_has_a_method_and_every_kind_of_metric_one() -> None:
    assert set(TABLE) == set(METRICS)
    assert len({metric.method.kind for metric in TABLE.values()}) == len(
        {id(metric.method) for metric in TABLE.values()}
    )
