"""Confident learning, by hand and on blobs whose labels were swapped."""

import numpy as np
import pytest
from classified import described
from scipy.special import log_softmax, softmax

from components.evaluation.label_noise import Array, Whole, calibrated, doubtful, written
from components.params.task import TaskParams
from components.problems.operation import explore
from components.stages.label_report import out_of_sample


def test_the_rule_by_hand() -> None:
    """t_0 = (.9 + .8 + .1) / 3 = .6, t_1 = (.7 + .9) / 2 = .8."""
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.3, 0.7], [0.1, 0.9]])
    targets = np.array([0, 0, 0, 1, 1])
    found = doubtful(probabilities, targets)
    assert (found.rows.tolist(), found.likelier.tolist()) == ([2], [1])


def test_the_least_probable_label_comes_first_and_an_absent_class_is_nobody_s() -> None:
    probabilities = np.array(
        [[0.9, 0.1, 0.0], [0.8, 0.2, 0.0], [0.05, 0.15, 0.8], [0.2, 0.8, 0.0], [0.95, 0.05, 0.0]]
    )
    found = doubtful(probabilities, np.array([0, 0, 0, 1, 1]))
    assert found.rows.tolist() == [4]
    assert found.likelier.tolist() == [0]


@pytest.mark.parametrize(("width", "classes", "precision"), [(8, 2, 0.8), (600, 3, 0.6)])
def test_of_labels_that_were_swapped_most_are_listed(width: int, classes: int, precision: float) -> None:
    """A fifth of 400 labels; with 600 features there are more of them than samples to fit."""
    draw = np.random.default_rng(0)
    truth = np.arange(400) % classes
    features = draw.normal(size=(400, width))
    features[np.arange(400), truth] += 5
    swapped = draw.choice(400, 80, replace=False)
    targets = truth.copy()
    targets[swapped] = (targets[swapped] + draw.integers(1, classes, 80)) % classes
    asks, keys = explore(TaskParams(), described(classes), "the report on labels"), np.arange(400).astype(str)
    said = out_of_sample(asks, (features, targets), (targets, keys), seed=1)
    found = doubtful(np.exp(said), targets)
    hit = set(found.rows.tolist()) & set(swapped.tolist())
    assert len(hit) >= 0.8 * 80
    assert len(hit) >= precision * len(found.rows)
    right = [truth[row] == other for row, other in zip(found.rows, found.likelier, strict=True) if row in hit]
    assert np.mean(right) > 0.9
    said = out_of_sample(asks, (features, truth), (truth, keys), seed=1)
    untouched = doubtful(np.exp(said), truth)
    assert len(untouched.rows) < 0.05 * 400


def overconfident() -> tuple[Array, Whole, Array]:
    """2,000 samples whose logits are ten times too large: log-probabilities, labels, and what they should be."""
    draw = np.random.default_rng(0)
    logits = draw.normal(0, 2, 2000)
    targets = (draw.random(2000) < 1 / (1 + np.exp(-logits))).astype(np.int64)
    right = np.column_stack([np.zeros(2000), logits])
    return log_softmax(10 * right, axis=1), targets, softmax(right, axis=1)


def test_overconfident_scores_are_calibrated() -> None:
    scores, targets, right = overconfident()
    np.testing.assert_allclose(calibrated(scores, targets), right, atol=0.05)


@pytest.mark.parametrize("problem", ["classification", "multi_label"])
def test_what_is_said_of_doubtful_labels_tells_them_apart(problem: str) -> None:
    """Uncalibrated, half of them would have a probability of 0.0007 or less."""
    scores, targets, _ = overconfident()
    names: dict[str, object] = {"classification": described(2), "multi_label": {"labels": ["a"]}}
    asks = explore(TaskParams(problem=problem), {"problem": problem, **names[problem]}, "This")  # type: ignore[dict-item]
    one = problem == "multi_label"
    doubts = asks.doubts(scores[:, None] if one else scores, targets[:, None] if one else targets)
    rows, sure = [doubt.row for doubt in doubts], [float(doubt.cells[-1 if one else 2]) for doubt in doubts]
    assert len(doubts) > 200
    assert np.median(np.exp(scores[rows, targets[rows]])) < 0.001
    assert sure == sorted(sure)
    assert np.median(sure) > 0.1
    assert len(set(sure)) > 0.9 * len(sure)


def test_a_class_that_was_not_met_stays_impossible() -> None:
    scores = np.log([[0.9, 0.1, 1e-300], [0.2, 0.8, 1e-300], [0.5, 0.5, 1e-300]])
    scores[:, 2] = -np.inf
    found = calibrated(scores, np.array([0, 1, 2]))
    assert np.isfinite(found).all()
    assert found[:, 2].tolist() == [0, 0, 0]
    assert found.sum(axis=1) == pytest.approx(1)


@pytest.mark.parametrize(
    ("probability", "said"),
    [
        (0.0, "0.0000"),
        (1.4e-27, "1.4e-27"),
        (0.00012, "0.0001"),
        (0.25, "0.2500"),
        (0.99991, "0.999910"),
        (1 - 3e-8, "0.999999970"),
        (1.0, "1.0000"),
    ],
)
def test_probabilities_near_0_and_1_can_be_told_from_them(probability: float, said: str) -> None:
    assert written(probability) == said
