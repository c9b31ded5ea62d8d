"""What people see: mistakes, and what each label is like."""

import numpy as np
import pytest
from scipy.stats import beta

from components.evaluation.spread import Plan
from components.params.task import TaskParams
from components.problems.multi_label.judge.metrics import Outcome
from components.problems.multi_label.show import Show
from components.reporting.judgement import parts

DESCRIPTION = {"problem": "multi_label", "labels": ["a", "b", "c"]}


def show() -> Show:
    return Show(TaskParams(modality="text", problem="multi_label"), DESCRIPTION)


def outcome() -> Outcome:
    targets = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 0], [1, 0, 1]], dtype=np.int8)
    scores = np.array([[0.9, 0.6, 0.1], [0.2, 0.1, 0.3], [0.1, 0.2, 0.3], [0.9, 0.8, 0.9]])
    return Outcome(targets, scores, (scores >= 0.5).astype(np.int8))


def test_the_most_wrong_labels_come_first() -> None:
    found = show().worst(outcome(), 12)
    assert [(w.row, w.actual, w.predicted, w.about, w.output) for w in found] == [
        (1, "a, b", "no label", "b", 1),
        (3, "a, c", "a, b, c", "b", 1),
        (0, "a", "a, b", "b", 1),
    ]
    assert [w.confidence for w in found] == pytest.approx([0.9, 0.8, 0.6])
    assert len(show().worst(outcome(), 1)) == 1


def test_each_label_has_intervals() -> None:
    found = show().parts(outcome(), Plan(0.95))
    assert list(found) == ["a", "b", "c"]
    recall = found["a"]["recall"]
    assert (recall.estimate, recall.n) == (pytest.approx(2 / 3), 3)
    assert recall.low == pytest.approx(beta.ppf(0.025, 2, 2))
    assert found["b"]["precision"].estimate == 0.0
    assert found["c"]["samples"].estimate == 1.0
    held = {name: {k: v.as_json() for k, v in part.items()} for name, part in found.items()}
    grid = parts(held, show().titles)
    assert grid.columns[:2] == ("F1", "Precision")
    assert [row.name for row in grid.rows] == ["a", "b", "c"]
    assert [row.cells[-1] for row in grid.rows] == ["3", "1", "1"]
    assert grid.columns[-1] == "Samples"


def test_a_label_that_nobody_has_is_no_error() -> None:
    nobody = Outcome(np.zeros((4, 3), np.int8), np.full((4, 3), 0.2), np.zeros((4, 3), np.int8))
    found = show().parts(nobody, Plan(0.95))
    assert found["a"]["f1"].estimate is None
    assert found["a"]["recall"].estimate is None
    assert show().worst(nobody, 3) == []
