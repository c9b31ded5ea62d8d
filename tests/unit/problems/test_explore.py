"""What frozen features say about targets: wrong labels are found, and what is not defined is refused by name."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from components.errors import ParamsError
from components.params.task import TaskParams
from components.problems import operation
from components.problems.operation import Explore, explore
from components.stages.label_report import out_of_sample

COUNT, WIDTH = 300, 8
NUMBER: dict[str, Any] = {
    "problem": "regression",
    "numbers": [{"name": "x"}, {"name": "y"}],
    "statistics": {"mean": [0.0, 100.0], "scale": [1.0, 50.0]},
}
LABELS: dict[str, Any] = {"problem": "multi_label", "labels": ["light", "striped", "rare"]}
CLASSES: dict[str, Any] = {"problem": "classification", "classes": ["a", "b", "c"]}


def features(seed: int = 0) -> npt.NDArray[np.float64]:
    return np.random.default_rng(seed).normal(size=(COUNT, WIDTH))


def asks(description: dict[str, Any]) -> Explore:
    return explore(TaskParams(problem=str(description["problem"])), description, "This")


def listed(
    problem: Explore, given: npt.NDArray[np.float64], targets: npt.NDArray[np.generic]
) -> list[tuple[int, str]]:
    """Rows, with the first cell."""
    keys = np.array([str(number) for number in range(len(targets))])
    said = out_of_sample(problem, (given, targets), (np.zeros(len(targets), np.int64), keys), 0)
    assert len(said) == len(targets)
    return [(doubt.row, doubt.cells[0]) for doubt in problem.doubts(said, targets)]


def test_numbers_far_from_what_others_say_are_listed_the_farthest_first() -> None:
    given = features()
    noise = np.random.default_rng(1).normal(size=COUNT)
    targets = np.column_stack([given[:, 0] + 0.1 * noise, 100 + 50 * given[:, 1] + 5 * noise])
    targets[7, 0] += 2.0
    targets[11, 1] -= 500.0
    found = listed(asks(NUMBER), given, targets.astype(np.float32))
    assert found[:2] == [(11, "y"), (7, "x")]
    assert len(found) <= 6
    assert listed(asks(NUMBER), given, np.full((COUNT, 2), 5.0)) == []


def test_each_label_is_doubted_by_itself() -> None:
    """Two labels that clouds of features tell apart, one of few samples; 12 labels of each are wrong."""
    targets = np.random.default_rng(2).random((COUNT, 3)) < (0.5, 0.3, 0.05)
    given = features()
    given[:, :3] += 5.0 * targets
    names, written = list(LABELS["labels"]), targets.astype(np.int8)
    wrong = {(row, names[number]) for number in (0, 1) for row in range(number, COUNT, 25)}
    for row, name in wrong:
        written[row, names.index(name)] ^= 1
    found = listed(asks(LABELS), given, written)
    assert len(wrong & set(found)) >= 0.8 * len(wrong)
    assert len(wrong & set(found[:15])) >= 12
    assert found == listed(asks(LABELS), given, written)


def test_a_label_that_all_have_is_certain() -> None:
    labels = np.column_stack([np.ones(COUNT), np.zeros(COUNT), features()[:, 0] > 0]).astype(np.int8)
    said = asks(LABELS).predict(features(), labels, features()[:5])
    assert np.exp(said)[:, :2, 1].tolist() == [[1, 0]] * 5


@pytest.mark.parametrize("description", [CLASSES, LABELS, NUMBER])
def test_aims_vary_and_questions_are_of_classes(description: dict[str, Any]) -> None:
    problem, draw = asks(description), np.random.default_rng(4)
    targets: Any = {
        "classification": draw.integers(0, 3, COUNT),
        "multi_label": draw.integers(0, 2, (COUNT, 3)).astype(np.int8),
        "regression": draw.normal(50, 9, (COUNT, 2)).astype(np.float32),
    }[str(description["problem"])]
    aims = problem.aims(targets)
    assert aims.shape[0] == COUNT
    assert (aims.std(axis=0) > 0).all()
    assert bool(problem.undefined) == (not problem.questions(targets))
    assert all(question.shape == (COUNT,) for question in problem.questions(targets))
    assert max(problem.counts(targets).values()) <= COUNT


def test_a_problem_without_the_part_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operation, "find_spec", lambda name: None)
    with pytest.raises(
        ParamsError, match=r"advise is not defined for task.problem 'regression': .* no part 'explore'"
    ):
        explore(TaskParams(problem="regression"), NUMBER, "advise")
