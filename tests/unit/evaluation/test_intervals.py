"""Intervals: right on cases with a known answer, repeatable, paired, by group, bounded in memory."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from outcomes import drawn, said
from scipy.stats import bootstrap as scipy_bootstrap

from components.evaluation.intervals import CELLS, MIN_UNITS, Interval, Plan, bootstrap, paired
from components.evaluation.metrics import TABLE, Outcome

PLAN = Plan(resamples=2000, confidence=0.95, seed=7)


def _width(found: Interval) -> float:
    assert found.low is not None
    assert found.high is not None
    return found.high - found.low


def test_accuracy_has_the_width_of_the_binomial() -> None:
    """100 of 400 wrong: 2 · 1.96 · sqrt(0.75 · 0.25 / 400) = 0.0849."""
    outcome = said([1] * 400, [0.9] * 300 + [0.1] * 100)
    found = bootstrap(outcome, PLAN)["accuracy"]
    assert found.estimate == 0.75
    assert _width(found) == pytest.approx(0.0849, rel=0.06)


def test_it_is_scipys_percentile_bootstrap() -> None:
    outcome = drawn(150)
    expected = scipy_bootstrap(
        (outcome.hit,), np.mean, n_resamples=5000, method="percentile", rng=np.random.default_rng(0)
    ).confidence_interval
    found = bootstrap(outcome, replace(PLAN, resamples=5000))["accuracy"]
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.008)


def test_the_same_plan_gives_the_same_numbers_and_another_seed_others() -> None:
    outcome = drawn(80)
    assert bootstrap(outcome, PLAN) == bootstrap(outcome, PLAN)
    assert bootstrap(outcome, PLAN)["auroc"] != bootstrap(outcome, replace(PLAN, seed=8))["auroc"]


def test_more_confidence_is_wider_and_contains_the_narrower() -> None:
    outcome = drawn(80)
    narrow, wide = (bootstrap(outcome, replace(PLAN, confidence=c))["accuracy"] for c in (0.8, 0.99))
    assert wide.low is not None
    assert narrow.low is not None
    assert wide.low <= narrow.low
    assert _width(wide) > _width(narrow)


def test_a_model_is_not_different_from_itself() -> None:
    outcome = drawn(60)
    for found in paired(outcome, outcome, PLAN).values():
        assert (found.estimate, found.low, found.high) == (0, 0, 0)


def test_pairs_share_their_resamples() -> None:
    """One sample of 200 differs: the difference is 0 to a few samples wide, far less than each accuracy is."""
    targets = [0, 1] * 100
    scores = [0.3, 0.8] * 95 + [0.8, 0.3] * 5
    one, other = said(targets, scores), said(targets, [*scores[:-1], 0.9])
    difference = paired(other, one, PLAN)["accuracy"]
    assert difference.estimate == pytest.approx(1 / 200)
    assert difference.low == 0
    assert _width(difference) < _width(bootstrap(one, PLAN)["accuracy"]) / 2


def test_samples_of_one_group_do_not_count_as_independent() -> None:
    """Each sample four times: as groups, the interval is that of the single samples; as samples, half of it."""
    single = drawn(100)
    arrays = (single.targets, single.probabilities, single.decisions)
    four = Outcome(*(np.repeat(a, 4, axis=0) for a in arrays))
    groups = np.repeat(np.arange(100), 4)
    expected = bootstrap(single, PLAN)["accuracy"]
    grouped = bootstrap(four, replace(PLAN, groups=groups))["accuracy"]
    assert (grouped.low, grouped.high) == pytest.approx((expected.low, expected.high))
    assert _width(bootstrap(four, PLAN)["accuracy"]) == pytest.approx(_width(expected) / 2, rel=0.1)


def test_groups_follow_their_samples_into_a_slice() -> None:
    plan = replace(PLAN, groups=np.array(["a", "b", "b", "c"]))
    assert plan.only(np.array([True, False, True, True])).groups is not None
    assert list(plan.only(np.array([True, False, True, True])).groups) == ["a", "b", "c"]


def test_one_group_for_all_gives_no_interval_instead_of_one_without_width() -> None:
    found = bootstrap(drawn(100), replace(PLAN, groups=np.array([""] * 100)))["accuracy"]
    assert found.estimate is not None
    assert (found.low, found.high) == (None, None)


@pytest.mark.parametrize(("samples", "known"), [(MIN_UNITS - 1, False), (MIN_UNITS, True)])
def test_too_few_samples_give_no_interval(samples: int, known: bool) -> None:
    found = bootstrap(said([1] * samples, [0.9] * samples), PLAN)["accuracy"]
    assert found.estimate == 1
    assert (found.low is not None) == known


def test_no_sample_and_one_class_are_none_and_never_nan() -> None:
    for found in bootstrap(said([], []), PLAN).values():
        assert found == Interval(None, None, None, 0)
    one_class = bootstrap(said([1] * 30, [0.9] * 30), PLAN)
    assert one_class["auroc"] == Interval(None, None, None, 30)
    pair = paired(said([1] * 30, [0.9] * 30), said([1] * 30, [0.4] * 30), PLAN)
    assert pair["balanced_accuracy"] == Interval(None, None, None, 30)


def test_a_model_that_says_nan_has_no_interval_and_no_estimate() -> None:
    broken = said([0, 1] * 20, [np.nan] * 40)
    assert set(bootstrap(broken, PLAN).values()) == {Interval(None, None, None, 40)}
    assert set(paired(broken, drawn(40), PLAN).values()) == {Interval(None, None, None, 40)}


def test_a_class_that_many_resamples_miss_leaves_the_estimate_without_interval() -> None:
    """One positive of 40: e⁻¹ of the resamples have none."""
    found = bootstrap(said([1] + [0] * 39, [0.9] + [0.2] * 39), PLAN)["balanced_accuracy"]
    assert found == Interval(1.0, None, None, 40)


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = bootstrap(drawn(50), PLAN)
    monkeypatch.setattr("components.evaluation.intervals.CELLS", 50 * 7)
    for name, found in bootstrap(drawn(50), PLAN).items():
        assert (found.low, found.high) == pytest.approx((whole[name].low, whole[name].high), abs=1e-12)


def test_memory_is_bounded_by_the_chunk_and_not_by_resamples() -> None:
    """100,000 samples x 100 resamples would be 80 MB a matrix, and auroc holds several."""
    outcome = drawn(100_000)
    tracemalloc.start()
    bootstrap(outcome, replace(PLAN, resamples=100))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12 * CELLS * 8


def test_every_metric_is_in_every_answer() -> None:
    assert set(bootstrap(drawn(20), PLAN)) == set(paired(drawn(20), drawn(20), PLAN)) == set(TABLE)
