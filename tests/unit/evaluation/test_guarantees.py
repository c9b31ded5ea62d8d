"""What docs/gates.md promises, on a slice of benchmarks/guarantees.py: with the same seeds each time."""

import numpy as np
import pytest
from scipy import special, stats

from benchmarks.enumerated import accuracy, difference
from benchmarks.guarantees import interval, measure, passed, rows
from benchmarks.in_groups import Groups
from benchmarks.populations import Confidences, confused, with_area
from benchmarks.rules import EVEN, Case, Row, pairs_of_three, true
from benchmarks.rules import difference as difference_of
from components.evaluation.binomial import clopper_pearson, tango
from components.evaluation.sizes import for_difference, for_proportion

LOST = pairs_of_three()["rare class lost"]
REPEATS = 200
MOST = 8.0  # %: more than 16 of 200 have a probability of 0.1 % where the error is 3.5 %


@pytest.mark.parametrize("samples", [10, 30, 100, 300, 650, 5000])
def test_accuracy_errs_in_a_fortieth_at_most_and_has_the_power_of_the_exact_test(samples: int) -> None:
    found = accuracy(samples)
    assert float(str(found["error"])) <= 2.5
    assert found["power"] == found["exact"]


@pytest.mark.parametrize(
    ("samples", "margin"), [(30, 0.05), (30, 0.02), (100, 0.02), (262, 0.02), (20, 0.05)]
)
def test_a_candidate_worse_by_the_margin_passes_in_a_fortieth_at_most(samples: int, margin: float) -> None:
    """The percentile bootstrap: 22, 55, 12 and 10 %; Tango's without a correction, the last: 3.1 %."""
    assert float(str(difference(samples, margin)["error"])) <= 2.5


@pytest.mark.parametrize("samples", [30, 100])
def test_beating_a_control_has_at_least_mcnemars_power(samples: int) -> None:
    found = difference(samples, 0.0)
    assert float(str(found["error"])) <= 2.5
    assert float(str(found["power"])) >= float(str(found["exact"])) - 5


DRAWN = [
    (30, "auroc", with_area(0.95).draw, 0.95),
    (100, "auroc", with_area(0.92, first=0.05).draw, 0.92),
    (300, "average_precision", with_area(0.9, prevalence=0.5).draw, None),
    (30, "balanced_accuracy", confused(np.array([[0.616, 0.084], [0.036, 0.264]])), 0.88),
    (30, "f1", confused(np.array([[0.69, 0.01], [0.01, 0.29]])), 0.58 / 0.6),
    (10, "accuracy", Groups(0.2).decisions((0.95, 0.95)), 0.95),
    (20, "accuracy", Groups(0.2, unequal=True).decisions((0.98, 0.98)), 0.98),
    (20, "balanced_accuracy", Groups(0.2, labels=1).decisions((0.9, 0.9), "opposed"), 0.9),
    (20, "accuracy", Groups(0.2).discordant(0.025, 0.075), -0.05),
    (20, "balanced_accuracy", Groups(0.05).discordant(0.0, 0.05, each_class=True), -0.05),
    (20, "auroc", Groups(0.2, unequal=True).score_pairs(with_area(0.9), with_area(0.92), 0.3), -0.02),
    (20, "f1", Groups(0.2, unequal=True).tables(EVEN, "opposed"), true("f1", EVEN)),
    (20, "balanced_accuracy", Groups(0.2, labels=1).tables(EVEN, "opposed"), true("balanced_accuracy", EVEN)),
    (20, "auroc", Groups(0.2, labels=1).scores_of_several(2.0, np.ones(3)), stats.norm.cdf(np.sqrt(2))),
    (20, "f1", Groups(0.2).table_pairs(LOST), difference_of(LOST)),
    (50, "recall", Groups(0.2, unequal=True).decisions((0.9, 0.95)), 0.95),
]


@pytest.mark.parametrize(("size", "metric", "sample", "bound"), DRAWN)
def test_a_release_on_its_bound_hardly_ever_passes(
    size: int, metric: str, sample: object, bound: float | None
) -> None:
    """The percentile bootstrap passed 14 % (AUROC, 30 samples), 11 % (balanced accuracy) and 12 % (10 groups)."""
    bound = with_area(0.9, prevalence=0.5).average_precision if bound is None else bound
    case = Case(sample, bound, metric)  # type: ignore[arg-type]
    assert float(str(measure(Row("", metric, (case,), case), size, REPEATS)["error"])) <= MOST


@pytest.mark.parametrize(
    "rule",
    [
        "balanced_accuracy of three classes at least",
        "f1 of three classes at least",
        "auroc of several classes at least",
        "f1 loses at most",
        "f1 of three classes loses at most",
        "recall at least",
        "recall loses at most 0.05",
    ],
)
def test_the_true_values_of_populations_in_groups_are_their_bounds(rule: str) -> None:
    """1,000 groups, some 20,000 samples: the metric lies within 0.03 of the bound, in each population."""
    row = next(row for row in rows() if row.groups and row.rule == rule)
    draw = np.random.default_rng(0)
    for case in row.errors:
        found = interval(case.sample(draw, 1000), row.metric).estimate
        assert found == pytest.approx(case.bound, abs=0.03), case.name


def test_groups_are_as_alike_as_they_say() -> None:
    """The correlation of two samples of a group: of right decisions, and of scores of another class."""
    draw, groups = np.random.default_rng(0), Groups(0.2)
    outcome, member = groups.tables(EVEN)(draw, 2000)
    assert _alike(outcome.correct, member) == pytest.approx(0.2, abs=0.03)
    outcome, member = groups.scores_of_several(2.0, np.ones(3), "opposed")(draw, 2000)
    scores = special.logit(outcome.probabilities) - 2 * np.eye(3)[outcome.targets]
    assert _alike(scores[:, 0], member) == pytest.approx(0.2, abs=0.03)


def _alike(values: np.ndarray, member: np.ndarray) -> float:
    """Intra-class correlation: covariance of pairs of a group, by the variance."""
    off = values - values.mean()
    sums, squares, sizes = (np.bincount(member, weights=w) for w in (off, off**2, None))
    return float(((sums**2 - squares).sum() / (sizes * (sizes - 1)).sum()) / off.var())


def test_a_calibration_error_on_its_bound_hardly_ever_passes() -> None:
    population = Confidences(0.1)
    case = Case(population.draw, population.error, "gap")
    found = measure(Row("", "ece", (case,), case, at_most=True), 100, REPEATS)
    assert float(str(found["error"])) <= MOST


def test_a_calibration_error_knows_that_a_group_moves_all_bins_at_once() -> None:
    """By the influences alone, whose signs noise has turned in some bins, 5.3 % passed."""
    case = Case(Groups(0.2, unequal=True).confidences(Confidences(0.1)), 0.1, "gap")
    assert passed(Row("", "ece", (case,), case, at_most=True), case, 50, REPEATS) <= 3.0


@pytest.mark.parametrize(
    "rule", ["a slice loses at most 0.05: promoted", "f1 of three classes loses at most"]
)
def test_a_candidate_that_lost_what_it_may_is_hardly_ever_promoted(rule: str) -> None:
    """Through the promotion, the percentile bootstrap let 24.6 % of slices of 30 pass."""
    row = next(row for row in rows() if row.rule == rule)
    assert passed(row, row.errors[0], 30, 50) <= 12  # as below


def test_forgetting_at_its_bound_hardly_ever_passes_the_gate() -> None:
    row = next(row for row in rows() if row.rule.startswith("forgetting"))
    assert passed(row, row.errors[0], 100, REPEATS) <= MOST


def test_pairs_of_scores_worse_by_the_margin_hardly_ever_pass() -> None:
    row = next(row for row in rows() if row.rule == "auroc loses at most")
    found = measure(row, 300, 50)
    assert float(str(found["error"])) <= 12  # 7 of 50 and more: 0.2 % where the error is 3.5 %


def test_how_many_samples_a_rule_wants_is_where_a_perfect_model_passes() -> None:
    for bound in (0.5, 0.82, 0.9, 0.99):
        wanted = for_proportion(bound, 0.025)
        lows = clopper_pearson([wanted - 1, wanted], [wanted - 1, wanted], 0.025)[0]
        assert lows[0] < bound <= lows[1]
    for margin in (0.02, 0.05, 0.2):
        wanted = for_difference(margin, 0.025)
        lows = tango(0, 0, [wanted - 1, wanted], stats.norm.isf(0.025))[0]
        assert lows[0] < -margin <= lows[1]
    assert (for_proportion(1, 0.025), for_proportion(0, 0.025), for_difference(0, 0.025)) == (0, 0, 0)
