"""Every metric against scikit-learn, and against values worked out by hand."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from outcomes import drawn, said
from sklearn import metrics as reference
from sklearn.preprocessing import label_binarize

from components.evaluation.calibration_error import bins
from components.evaluation.spread import Floats
from components.problems.classification import METRICS
from components.problems.classification.judge import TABLE, influence
from components.problems.classification.judge.metrics import Outcome, confusion

Reference = Callable[[Outcome, Floats], float]


def value(name: str, outcome: Outcome) -> float:
    return TABLE[name].of(outcome)


def _each_class(outcome: Outcome, score: Callable[[Floats, Floats], float]) -> float:
    """Binary: of the positive class; else the mean over one class against the rest."""
    return float(np.mean([score(outcome.targets == c, outcome.probabilities[:, c]) for c in outcome.asked]))


def _f1(outcome: Outcome, weights: Floats) -> float:
    """scikit-learn's mean over classes, or the positive one alone."""
    return float(
        reference.f1_score(
            outcome.targets,
            outcome.decisions,
            labels=list(outcome.asked),
            average="macro",
            sample_weight=weights,
        )
    )


def _ece(outcome: Outcome, weights: Floats) -> float:
    """Straight from the definition, bin by bin: scikit-learn has none."""
    confidence = outcome.probabilities.max(axis=1)
    right = outcome.probabilities.argmax(axis=1) == outcome.targets
    total = 0.0
    for index in range(15):
        member = np.ceil(confidence * 15).clip(min=1) == index + 1
        if weights[member].sum() > 0:
            gap = np.average(right[member], weights=weights[member])
            gap -= np.average(confidence[member], weights=weights[member])
            total += weights[member].sum() / weights.sum() * abs(gap)
    return total


REFERENCE: dict[str, Reference] = {
    "accuracy": lambda o, w: reference.accuracy_score(o.targets, o.decisions, sample_weight=w),
    "balanced_accuracy": lambda o, w: reference.balanced_accuracy_score(
        o.targets, o.decisions, sample_weight=w
    ),
    "auroc": lambda o, w: _each_class(o, lambda y, p: reference.roc_auc_score(y, p, sample_weight=w)),
    "average_precision": lambda o, w: _each_class(
        o, lambda y, p: reference.average_precision_score(y, p, sample_weight=w)
    ),
    "f1": _f1,
    "ece": _ece,
}


def test_every_metric_of_the_table_has_a_reference_and_a_name_in_params() -> None:
    assert set(TABLE) == set(REFERENCE) == set(METRICS)
    assert {name: metric.better for name, metric in TABLE.items()} == METRICS
    assert [name for name, better in METRICS.items() if better == "lower"] == ["ece"]


@pytest.mark.parametrize("name", TABLE)
@pytest.mark.parametrize(("classes", "positive"), [(2, 1), (2, 0), (4, 1)])
def test_it_is_the_reference(name: str, classes: int, positive: int) -> None:
    outcome = drawn(200, classes, seed=classes, positive=positive)
    expected = REFERENCE[name](outcome, np.ones(200))
    assert value(name, outcome) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", TABLE)
@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000), classes=st.integers(2, 4))
def test_a_sample_that_stands_there_several_times_weighs_so_much(name: str, seed: int, classes: int) -> None:
    """Against the reference with weights, zeros included."""
    outcome = drawn(40, classes, seed)
    counts = np.random.default_rng(seed).integers(0, 3, 40)
    counts[:classes] = 1  # drawn() begins with one sample of each class
    arrays = (outcome.targets, outcome.probabilities, outcome.decisions)
    repeated = Outcome(*(np.repeat(array, counts, axis=0) for array in arrays))
    expected = REFERENCE[name](outcome, counts.astype(np.float64))
    assert value(name, repeated) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("accuracy", 4 / 6),
        ("balanced_accuracy", (2 / 3 + 2 / 3) / 2),
        # pairs (positive, negative): 0.9 beats 3; 0.6 beats 2, ties 1; 0.2 ties 1, loses 2
        ("auroc", (3 + 2.5 + 0.5) / 9),
        # falling: 0.9 (1/1), then 0.6 twice (2/3), 0.4 none, 0.2 twice (3/6)
        ("average_precision", (1 + 2 / 3 + 3 / 6) / 3),
        ("f1", 2 * 2 / (2 * 2 + 1 + 1)),
    ],
)
def test_values_worked_out_by_hand(name: str, expected: float) -> None:
    outcome = said([1, 1, 1, 0, 0, 0], [0.9, 0.6, 0.2, 0.6, 0.4, 0.2])
    assert value(name, outcome) == pytest.approx(expected, abs=1e-12)


def test_ece_worked_out_by_hand() -> None:
    """Confidences 0.95 0.95 (bin 14, one right) and 0.7 (bin 10, right): 2/3·|0.5-0.95| + 1/3·|1-0.7|."""
    outcome = said([1, 0, 0], [0.95, 0.95, 0.3])
    assert value("ece", outcome) == pytest.approx(2 / 3 * 0.45 + 1 / 3 * 0.3, abs=1e-12)


def test_bins_of_calibration_hold_their_upper_edge_as_in_guo_et_al() -> None:
    """(8/15, 9/15] holds 0.58 and 0.6: one right of two, |0.5 - 0.59| = 0.09; with [a, b) it is 0.49."""
    assert value("ece", said([1, 0], [0.6, 0.58])) == pytest.approx(0.09)
    assert list(bins(np.array([0.0, 1 / 15, 0.0667, 0.6, 1.0]))) == [0, 0, 1, 8, 14]


@pytest.mark.parametrize("name", TABLE)
@pytest.mark.parametrize(("classes", "positive"), [(2, 1), (2, 0), (4, 1)])
def test_influence_is_the_derivative_by_the_weight_of_a_sample(
    name: str, classes: int, positive: int
) -> None:
    outcome, step = drawn(60, classes, seed=3, positive=positive), 1e-5 * np.eye(60)
    more, less = (np.array([REFERENCE[name](outcome, 1 + sign * row) for row in step]) for sign in (1, -1))
    found = outcome.gaps.influence if name == "ece" else getattr(influence, name)(outcome)
    np.testing.assert_allclose(found, (more - less) / 2e-5, rtol=0, atol=1e-9)
    assert found.sum() == pytest.approx(0, abs=1e-12)


def test_a_confidence_of_one_lies_in_the_last_bin() -> None:
    assert value("ece", said([1, 1], [1.0, 1.0])) == 0


@pytest.mark.parametrize("name", ["balanced_accuracy", "auroc"])
def test_one_class_only_leaves_it_undefined(name: str) -> None:
    assert np.isnan(value(name, said([1, 1], [0.9, 0.2])))


@pytest.mark.parametrize("name", ["average_precision", "f1"])
def test_no_positive_sample_leaves_it_undefined(name: str) -> None:
    assert np.isnan(value(name, said([0, 0], [0.3, 0.2])))


@pytest.mark.parametrize("name", TABLE)
def test_no_sample_leaves_everything_undefined(name: str) -> None:
    assert np.isnan(value(name, said([], [])))


@pytest.mark.parametrize("name", TABLE)
def test_one_probability_that_is_not_a_number_leaves_everything_undefined(name: str) -> None:
    assert np.isnan(value(name, said([0, 1, 1], [0.2, 0.9, np.nan])))


def test_scores_that_are_all_equal_know_nothing() -> None:
    assert value("auroc", said([0, 1, 1, 0, 1], [0.4] * 5)) == 0.5


def test_confusion_is_scikit_learns() -> None:
    outcome = drawn(90, 3)
    expected = reference.confusion_matrix(outcome.targets, outcome.decisions, labels=[0, 1, 2])
    np.testing.assert_array_equal(confusion(outcome), expected)


def test_one_against_rest_is_scikit_learns_macro() -> None:
    outcome = drawn(120, 4)
    rows = label_binarize(outcome.targets, classes=range(4))
    expected = reference.roc_auc_score(outcome.targets, outcome.probabilities, multi_class="ovr")
    assert value("auroc", outcome) == pytest.approx(expected, abs=1e-12)
    expected = reference.average_precision_score(rows, outcome.probabilities, average="macro")
    assert value("average_precision", outcome) == pytest.approx(expected, abs=1e-12)
