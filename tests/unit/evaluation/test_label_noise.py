"""Confident learning, by hand and on blobs whose labels were swapped."""

import numpy as np
import pytest
from classified import described

from components.evaluation.label_noise import doubtful
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
    found = doubtful(out_of_sample(asks, (features, targets), (targets, keys), seed=1), targets)
    hit = set(found.rows.tolist()) & set(swapped.tolist())
    assert len(hit) >= 0.8 * 80
    assert len(hit) >= precision * len(found.rows)
    right = [truth[row] == other for row, other in zip(found.rows, found.likelier, strict=True) if row in hit]
    assert np.mean(right) > 0.9
    untouched = doubtful(out_of_sample(asks, (features, truth), (truth, keys), seed=1), truth)
    assert len(untouched.rows) < 0.05 * 400
