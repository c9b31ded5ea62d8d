"""Temperature and threshold against brute force and values worked out by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax
from sklearn.metrics import balanced_accuracy_score, f1_score, log_loss

from components.errors import EvaluationError
from components.evaluation.calibration import find_threshold
from components.params.learning import Threshold
from components.problems.classification.decision.calibration import fit_temperature, negative_log_likelihood

POSITIVE = np.array([0.1, 0.3, 0.35, 0.6, 0.8, 0.9])
IS_POSITIVE = np.array([False, False, True, False, True, True])


def test_the_likelihood_is_scikit_learns() -> None:
    draw = np.random.default_rng(0)
    logits, targets = draw.normal(size=(50, 3)), draw.integers(0, 3, 50)
    expected = log_loss(targets, np.exp(log_softmax(logits / 1.7, axis=1)), labels=[0, 1, 2])
    assert negative_log_likelihood(logits, targets, 1.7) == pytest.approx(expected, abs=1e-12)


def test_a_few_right_samples_do_not_make_it_certain() -> None:
    """Of 11 samples with log-odds 2 the posterior's mode is where 11 · 2 e^-2/T / (1 + e^-2/T) / T = -4 log T."""
    logits, targets = np.tile([0.0, 2.0], (11, 1)), np.ones(11, dtype=np.int64)
    t = fit_temperature(logits, targets)
    odds = np.exp(-2 / t)
    assert 11 * 2 * odds / (1 + odds) / t == pytest.approx(-4 * np.log(t), rel=1e-3)
    assert 0.5 < t < 1


def test_the_temperature_undoes_a_known_factor() -> None:
    """Targets drawn from softmax(z) ask for T = 3 once the logits are 3 z."""
    draw = np.random.default_rng(1)
    logits = draw.normal(size=(20_000, 2))
    chance = np.exp(log_softmax(logits, axis=1))[:, 1]
    targets = (draw.random(20_000) < chance).astype(np.int64)
    assert fit_temperature(3 * logits, targets) == pytest.approx(3.0, rel=0.05)


def test_no_calibration_samples_are_an_error_that_names_the_key() -> None:
    with pytest.raises(EvaluationError) as refused:
        fit_temperature(np.empty((0, 2)), np.empty(0, dtype=np.int64))
    assert "data.split.calibration" in refused.value.remedy


def test_a_fixed_threshold_looks_at_nothing() -> None:
    assert find_threshold(np.empty(0), np.empty(0, dtype=bool), Threshold(rule="fixed", value=0.3)) == 0.3


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (Threshold(rule="best_f1"), 0.325),  # 3 of 3 found, 1 false: F1 = 6/7
        (Threshold(rule="best_balanced_accuracy"), 0.325),  # 5/6 there and at 0.7, which is farther from 0.5
        (Threshold(rule="recall_at_least", value=0.6), 0.7),  # 2 of 3 from 0.7 on
        (Threshold(rule="recall_at_least", value=1.0), 0.325),
        (Threshold(rule="recall_at_least", value=0.0), 0.85),
    ],
)
def test_thresholds_worked_out_by_hand(rule: Threshold, expected: float) -> None:
    assert find_threshold(POSITIVE, IS_POSITIVE, rule) == pytest.approx(expected)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(1, 9), st.booleans()), min_size=2, max_size=30))
def test_no_other_threshold_scores_better(samples: list[tuple[int, bool]]) -> None:
    positive = np.array([tenths / 10 for tenths, _ in samples])
    actual = np.array([yes for _, yes in samples])
    if actual.all() or not actual.any():
        with pytest.raises(EvaluationError, match="one class only"):
            find_threshold(positive, actual, Threshold(rule="best_f1"))
        return
    scores = {
        "best_f1": lambda t: f1_score(actual, positive >= t),
        "best_balanced_accuracy": lambda t: balanced_accuracy_score(actual, positive >= t),
    }
    for rule, score in scores.items():
        found = find_threshold(positive, actual, Threshold.model_validate({"rule": rule}))
        assert score(found) >= max(score(t) for t in np.arange(0.05, 0.96, 0.05)) - 1e-12


def test_a_hundred_thousand_samples_fit_into_memory() -> None:
    """A table of candidates x samples would be 10 GB."""
    draw = np.random.default_rng(2)
    actual = draw.random(100_000) < 0.3
    positive = draw.random(100_000) * 0.5 + actual * 0.5
    assert find_threshold(positive, actual, Threshold(rule="best_f1")) == pytest.approx(0.5, abs=1e-3)


def test_a_probability_that_is_not_a_number_is_refused() -> None:
    with pytest.raises(EvaluationError, match="not a number"):
        find_threshold(np.array([0.2, np.nan]), np.array([True, False]), Threshold(rule="best_f1"))
