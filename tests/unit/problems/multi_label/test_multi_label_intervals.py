"""Intervals of multi-label metrics: by definition where that is possible, and a slice of benchmarks/multi_label.py."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import beta

from benchmarks.ends import Draws
from benchmarks.labelled import ALONE, Population
from benchmarks.multi_label import POPULATIONS, Asked, known
from components.evaluation.intervals import Interval, intervals, paired
from components.evaluation.spread import Plan
from components.problems.multi_label.judge import TABLE
from components.problems.multi_label.judge.intervals import _macro, _micro, _precision
from components.problems.multi_label.judge.metrics import (
    Outcome,
    f1_by_label,
    mean_average_precision,
    micro_f1,
)

PLAN = Plan(0.95)
MOST = 3.5  # %
# The same seeds draw the same samples: another machine's rounding turns a draw, if any.
ROUNDING = 0.5


def drawn(samples: int = 60, seed: int = 0, population: Population | None = None) -> Outcome:
    draw = np.random.default_rng(seed)
    return (population or Population()).one(draw, np.arange(samples, dtype=np.float64))


def all_right(samples: int, labels: int = 3) -> Outcome:
    targets = np.random.default_rng(0).integers(0, 2, (samples, labels)).astype(np.int8)
    return Outcome(targets, targets.astype(np.float64), targets)


def repeated(outcome: Outcome, row: int) -> Outcome:
    """The outcome with one sample twice."""
    rows = np.append(np.arange(len(outcome)), row)
    return Outcome(outcome.targets[rows], outcome.probabilities[rows], outcome.decisions[rows])


def test_subset_accuracy_is_clopper_pearson() -> None:
    outcome = drawn()
    right = int(outcome.exact.sum())
    found = intervals(outcome, PLAN, TABLE)["subset_accuracy"]
    expected = beta.ppf(0.025, right, 61 - right), beta.ppf(0.975, right + 1, 60 - right)
    assert (found.low, found.high) == pytest.approx(expected)


def test_without_an_error_as_many_count_as_there_are_samples() -> None:
    """60 decisions of 20 samples that are all right are no 60 independent ones: all of a sample's may go together."""
    found = intervals(all_right(20), PLAN, TABLE)
    assert found["hamming_loss"].high == pytest.approx(1 - 0.025 ** (1 / 20))
    assert all(found[name].low < found[name].high for name in ("macro_f1", "micro_f1", "hamming_loss"))  # type: ignore[operator]


def test_samples_that_are_wrong_throughout_widen_the_interval() -> None:
    """As many wrong decisions, each in a sample of its own, or all of a few samples."""
    targets = np.zeros((120, 4), dtype=np.int8)
    targets[::2] = 1
    apart, together = targets.copy(), targets.copy()
    apart[np.arange(24), np.arange(24) % 4] ^= 1
    together[:6] ^= 1
    widths = []
    for decisions in (apart, together):
        found = intervals(Outcome(targets, decisions.astype(float), decisions), PLAN, TABLE)
        widths.append(
            {name: i.high - i.low for name, i in found.items() if i.low is not None and i.high is not None}
        )
    for name in ("hamming_loss", "micro_f1", "macro_f1"):
        assert widths[1][name] > 1.3 * widths[0][name]


@pytest.mark.parametrize("seed", range(3))
def test_influences_are_what_one_sample_more_changes(seed: int) -> None:
    outcome = drawn(400, seed)
    moved = {
        "micro": [(micro_f1(repeated(outcome, row)) - micro_f1(outcome)) for row in range(8)],
        "macro": [(f1_by_label(repeated(outcome, r)) - f1_by_label(outcome)).mean() for r in range(8)],
        "map": [
            mean_average_precision(repeated(outcome, r)) - mean_average_precision(outcome) for r in range(8)
        ],
    }
    grouped = Plan(0.95, np.arange(400))  # no correction for the number of positives
    found = {
        "micro": _micro(outcome).sum(axis=1)[:8],
        "macro": _macro(outcome).mean(axis=1)[:8],
        "map": _precision(outcome, grouped)[:8],
    }
    for name, expected in moved.items():
        np.testing.assert_allclose(found[name], expected, atol=3e-4)
        assert np.abs(expected).max() > 3e-4


def test_a_model_is_no_better_than_itself() -> None:
    outcome = drawn(100)
    for interval in paired(outcome, outcome, PLAN, TABLE).values():
        if interval.low is not None:
            assert interval.low < 0 < (interval.high or 0)


def test_few_samples_say_how_many_they_want() -> None:
    def reason(found: Interval) -> str:
        return found.reason or ""

    found = intervals(drawn(9), PLAN, TABLE)
    assert reason(found["hamming_loss"]) == "9 samples are too few: wants at least 10"
    assert "wants at least 20 of each" in reason(intervals(drawn(60), PLAN, TABLE)["map"])
    assert found["subset_accuracy"].low is not None
    grouped = intervals(drawn(60), Plan(0.95, np.arange(60) // 10), TABLE)
    assert all("6 groups are too few" in reason(interval) for interval in grouped.values())


def test_the_truth_of_a_population_is_what_many_samples_say() -> None:
    population = ALONE["ten, hard samples"]
    outcome = drawn(100_000, 1, population)
    for name, value in population.truth().items():
        assert TABLE[name].of(outcome) == pytest.approx(value, abs=0.01), name


# Populations of benchmarks/multi_label.py, with so many samples or groups; draws: more where the error is near MOST.
SLICE = [
    ("one model", "samples", "hard samples", 30, 200),
    ("one model", "samples", "even, raised", 10, 200),
    ("one model", "samples", "ten, good", 100, 200),
    ("one model", "samples", "twenty, calibrated", 100, 200),
    ("one model", "groups", "0.2", 20, 200),
    ("a difference", "samples", "even, raised, agree in 0.5", 100, 200),
    ("a difference", "samples", "two labels alike, worse", 130, 400),
    ("a difference", "groups", "0.2, unequal, agree in 0.95", 10, 200),
]


def asked(kind: str, unit: str, name: str, size: int) -> dict[str, Draws]:
    population = POPULATIONS[kind, unit][name]
    metrics = [metric for metric in TABLE if known(metric, kind, population)]
    return {metric: Asked(metric, kind, unit, population, size).draws() for metric in metrics}


@pytest.mark.parametrize("at", SLICE)
def test_ends_of_intervals_miss_seldom(at: tuple[str, str, str, int, int]) -> None:
    rates = {metric: max(draws.rates(at[4])) for metric, draws in asked(*at[:4]).items()}
    assert max(rates.values()) <= MOST + ROUNDING, rates


def test_the_slice_finds_an_interval_that_is_too_narrow() -> None:
    """Both ends half as far from the estimate as they say; that of calibration has room for noise, and more."""
    found = asked("a difference", "samples", "two labels alike, worse", 130)
    for draws in (draws for metric, draws in found.items() if metric != "ece"):

        def narrow(number: int, interval: Callable[[int], Interval] = draws.interval) -> Interval:
            found = interval(number)
            if found.estimate is None or found.low is None or found.high is None:
                return found
            low, high = ((end + found.estimate) / 2 for end in (found.low, found.high))
            return replace(found, low=low, high=high)

        draws.interval = narrow
        assert max(draws.rates(200)) > MOST + ROUNDING


def test_a_difference_of_precisions_has_the_skew_of_the_worse_model() -> None:
    """By influences alone it reached as far up as down, and 6.5 % of the bounds lay wholly above the true value."""
    pair = POPULATIONS["a difference", "samples"]["two labels alike, worse"]
    one, other = pair.two(np.random.default_rng(0), np.arange(300.0))
    found = paired(one, other, PLAN, TABLE)["map"]
    assert found.estimate is not None
    assert found.low is not None
    assert found.high is not None
    assert found.estimate - found.low > 1.02 * (found.high - found.estimate)


def test_a_difference_of_precisions_wants_thirty_with_each_label() -> None:
    one, other = Population("even").two(np.random.default_rng(1), np.arange(72.0))
    assert one.positives.min() in range(20, 30)
    assert intervals(one, PLAN, TABLE)["map"].low is not None
    assert "wants at least 30 of each" in str(paired(one, other, PLAN, TABLE)["map"].reason)


def test_a_difference_of_macro_f1_wants_thirty_samples() -> None:
    """With 10 samples, 4.5 % of the bounds lay beyond the true value: two labels that go together."""
    one, other = Population("even").two(np.random.default_rng(1), np.arange(20.0))
    assert intervals(one, PLAN, TABLE)["macro_f1"].low is not None
    assert "wants at least 30" in str(paired(one, other, PLAN, TABLE)["macro_f1"].reason)
