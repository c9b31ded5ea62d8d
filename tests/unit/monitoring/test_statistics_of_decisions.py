"""Statistics of decisions as each problem has them: what they are, their rate of false alarms, what they see."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats
from windows_of import answered, problem_of

from components.errors import ParamsError
from components.monitoring.comparison import Asked, compare, count_tests
from components.monitoring.judged import Problem
from components.monitoring.labels import to_csv, worth_labelling
from components.monitoring.shares import labels_test
from components.params.data import DataParams
from components.params.task import TaskParams
from components.problems import decision, operation
from components.problems.regression import watched

LABELS: dict[str, Any] = {"problem": "multi_label", "labels": ["light", "striped", "rare"]}
NUMBERS: dict[str, Any] = {
    "problem": "regression",
    "numbers": [{"name": "width"}, {"name": "height"}],
    "statistics": {"mean": [0.0, 100.0], "scale": [1.0, 50.0]},
}
ONE: dict[str, Any] = {
    "problem": "regression",
    "numbers": [{"name": "x", "range": [0, 1]}],
    "statistics": {"mean": [0.5], "scale": [0.2]},
}
PROBLEMS: Mapping[str, Problem] = {
    "labels": problem_of(LABELS, {"thresholds": [0.5, 0.3, 0.5]}),
    "numbers": problem_of(NUMBERS, {"margins": [1.0, 60.0]}, loss="quantile"),
}
Answers = npt.NDArray[np.float32]


def labels(draw: np.random.Generator, count: int, shift: float = 0.0) -> Answers:
    """Probabilities that go together: one cause moves all three labels."""
    cause = draw.normal(shift, 1, (count, 1))
    logits = cause + draw.normal(size=(count, 3)) + (0.0, -1.0, -3.0)
    return np.asarray(1 / (1 + np.exp(-logits)), dtype=np.float32)


def numbers(draw: np.random.Generator, count: int, shift: float = 0.0) -> Answers:
    """Two predictions with intervals of varying width."""
    middle = draw.normal(shift, 1, (count, 1)) * (1, 50) + (0, 100)
    half = draw.uniform(0.5, 1.5, (count, 2)) * (1, 50)
    return np.hstack([middle, middle - half, middle + half]).astype(np.float32)


DRAWN = {"labels": labels, "numbers": numbers}


def test_statistics_of_labels_by_hand() -> None:
    found = PROBLEMS["labels"].watch.statistics(np.array([[0.9, 0.2, 0.1], [0.6, 0.3, 0.4]], np.float32))
    shares = found["labels"]
    assert shares.values.tolist() == [[True, False, False], [True, True, False]]
    assert (shares.kind, shares.counts.tolist(), shares.names) == (
        "labels",
        [2, 1, 0],
        tuple(LABELS["labels"]),
    )
    assert found["labels a sample"].values == pytest.approx([1, 2])
    assert found["confidence"].values == pytest.approx([(0.9 + 0.8 + 0.9) / 3, (0.6 + 0.3 + 0.6) / 3])


def test_statistics_of_numbers_by_hand() -> None:
    watch = PROBLEMS["numbers"].watch
    found = watch.statistics(np.array([[1, 50, 0, 40, 3, 70]], np.float32))
    assert {name: one.values.tolist() for name, one in found.items()} == {
        "prediction.width": [1.0],
        "prediction.height": [50.0],
        "interval width.width": [3.0],
        "interval width.height": [30.0],
    }
    task = TaskParams.model_validate({"problem": "regression", "loss": "quantile"})
    labels = {"label": ["width", "height"]}
    data = {"source": "file:.", "licence": "CC0", "layout": "manifest", "labels": labels}
    assert watched(task, DataParams.model_validate(data)) == len(found)
    one = problem_of(ONE, {"margins": [0.1]})
    assert list(one.watch.statistics(np.array([[0.5, 0.4, 0.6]], np.float32))) == ["prediction"]
    assert one.watch.certainty(np.array([[0.5, 0.4, 0.6]], np.float32)) is None


def test_labels_are_compared_by_the_sum_of_pearson_s_chi_squared() -> None:
    draw = np.random.default_rng(0)
    ours, theirs = draw.random((20, 3)) < (0.5, 0.2, 0), draw.random((30, 3)) < (0.5, 0.6, 0)
    expected = 0.0
    for label in range(2):
        table = [[side[:, label].sum(), (~side[:, label]).sum()] for side in (ours, theirs)]
        expected += stats.chi2_contingency(table, correction=False).statistic
    value, p = labels_test(ours, theirs, 2000, draw)
    assert value == pytest.approx(expected, rel=1e-5)
    assert p < 0.05
    # One label: the exact test of its table.
    alone = labels_test(ours[:, :1], theirs[:, :1], 20_000, draw)[1]
    table = [[side[:, 0].sum(), (~side[:, 0]).sum()] for side in (ours, theirs)]
    assert alone == pytest.approx(stats.fisher_exact(table).pvalue, abs=0.02)
    assert labels_test(np.zeros((4, 2), bool), np.zeros((5, 2), bool), 99, draw) == (0.0, 1.0)


@pytest.mark.parametrize("kind", PROBLEMS)
def test_false_alarms_are_no_more_than_the_rate_says(kind: str) -> None:
    """120 windows at 20 %, all tests together, where labels of a sample and numbers of a sample go together."""
    draw, problem, raised = np.random.default_rng(9), PROBLEMS[kind], 0
    for number in range(120):
        ours, theirs = (answered(problem, DRAWN[kind](draw, count)) for count in (60, 40))
        found = compare(ours, theirs, Asked(0.2, 99, 30, number), problem.watch)
        raised += any(test.alarm for test in found)
    assert raised <= stats.binom.ppf(0.999, 120, 0.2)
    assert raised > 0, "tests that never alarm are of no use"


@pytest.mark.parametrize("kind", PROBLEMS)
def test_a_shift_of_the_decisions_is_seen(kind: str) -> None:
    draw, problem = np.random.default_rng(10), PROBLEMS[kind]
    ours, theirs = answered(problem, DRAWN[kind](draw, 200)), answered(problem, DRAWN[kind](draw, 100, 1.0))
    found = {test.name: test for test in compare(ours, theirs, Asked(0.01, 999, 50, 0), problem.watch)}
    assert len(found) == count_tests(ours, problem.watch)
    first = {"labels": ("labels", "chi-squared"), "numbers": ("prediction.width", "KS")}[kind]
    assert (found[first[0]].by, found[first[0]].alarm) == (first[1], True)


def test_accuracy_of_each_label_is_estimated_and_never_that_of_numbers() -> None:
    """Probabilities are what they say: the estimates' intervals hold the accuracy of each label."""
    draw, problem = np.random.default_rng(11), problem_of(LABELS)
    sides = [labels(draw, count) for count in (400, 1000)]
    truth = [(draw.random(side.shape) < side).astype(int) for side in sides]
    names = LABELS["labels"]
    written = [json.dumps([n for n, has in zip(names, row, strict=True) if has]) for row in truth[0]]
    ours = answered(problem, sides[0])
    known = type(ours)(**{**ours.__dict__, "labels": written})
    found = problem.estimated(known, answered(problem, sides[1]), 0.99, 0)
    assert list(found) == [f"accuracy of {name}" for name in names]
    for number, name in enumerate(names):
        right = float(((sides[1][:, number] >= 0.5) == truth[1][:, number]).mean())
        one = found[f"accuracy of {name}"]
        assert float(str(one["low"])) <= right <= float(str(one["high"]))
        assert one["n"] == 1000
    assert problem.watch.undefined == ""
    assert PROBLEMS["numbers"].watch.confidences(numbers(draw, 5)) == {}
    assert "not defined for regression" in PROBLEMS["numbers"].watch.undefined


def test_with_labels_the_problem_s_own_metrics_are_measured_with_their_intervals() -> None:
    draw, problem = np.random.default_rng(12), PROBLEMS["numbers"]
    answers = numbers(draw, 400)
    written = [json.dumps([float(a) + 0.5, float(b)]) for a, b in answers[:, :2]]
    found = problem.measured(answers, written, 0.95)
    assert set(found) == set(problem.judge.metrics)
    assert found["mae"]["estimate"] == pytest.approx(0.25, abs=1e-3)  # half a deviation of one number of two
    assert found["rmse"]["low"] <= found["rmse"]["estimate"] <= found["rmse"]["high"]  # type: ignore[operator]
    assert problem.known(["[1.0, 2.0]", "", "no"]) == ["[1.0, 2.0]", "", ""]
    assert problem_of(LABELS).known(['["light"]', "[]", '["new"]']) == ['["light"]', "[]", ""]


@pytest.mark.parametrize(
    ("description", "cells", "expected"),
    [
        (LABELS, ["striped| light"], '["light", "striped"]'),
        (LABELS, ["none"], "[]"),
        (LABELS, ["lihgt"], None),
        (ONE, ["0.25"], "[0.25]"),
        (ONE, ["1.5"], None),
        (ONE, ["0,5"], None),
        (NUMBERS, ["1", "2e1"], "[1.0, 20.0]"),
        (NUMBERS, ["1", ""], None),
    ],
)
def test_labels_that_came_later_are_read_as_the_problem_writes_them(
    description: dict[str, Any], cells: list[str], expected: str | None
) -> None:
    watch = problem_of(description).watch
    assert len(watch.fields) == len(cells)
    assert watch.label(cells) == expected
    assert watch.allowed.startswith("Allowed")


def test_what_is_worth_a_label_is_unsure_or_far_apart() -> None:
    problem = PROBLEMS["numbers"]
    answers = numbers(np.random.default_rng(13), 30)
    answers[7, 2], answers[7, 4] = -9, 9
    listed = worth_labelling(answered(problem, answers), problem.watch, 3)
    assert listed[0].id == "s7"
    table = to_csv(listed, problem.watch.fields)
    assert table.startswith("rank,id,label.width,label.height,decision,interval_width\n1,s7,,,")
    one = problem_of(ONE, {"margins": [0.1]})
    places = np.r_[np.zeros(9), 5.0, 2.0][:, None]
    flat = answered(one, np.tile(np.float32([0.5, 0.4, 0.6]), (11, 1)), places)
    assert [worth.id for worth in worth_labelling(flat, one.watch, 3)] == ["s0", "s9", "s10"]


def test_a_problem_without_the_part_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operation, "find_spec", lambda name: None)
    with pytest.raises(
        ParamsError, match=r"Monitoring is not defined for task.problem 'multi_label': .* 'watch'"
    ):
        problem_of(LABELS)


def test_answers_of_different_shapes_are_refused_by_name() -> None:
    made = decision(TaskParams(problem="regression"), ONE)
    made.ragged = True
    with pytest.raises(ParamsError, match=r"'regression': its answers are no rows of one length"):
        operation.watch(TaskParams(problem="regression"), ONE, made)
