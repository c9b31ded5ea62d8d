"""A decision stays the same when what it is about is named in another order, for every problem."""

import copy
from collections.abc import Mapping, Sequence
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from task_examples import PROBLEMS, asked

from components.params.task import TaskParams
from components.problems import decision
from components.problems.base import Decision

pytestmark = pytest.mark.usefixtures("every_plugin")
Arrays = np.ndarray[Any, Any]
ORDERS = list(permutations("abc"))


def described(problem: str, names: Sequence[str]) -> Mapping[str, Any]:
    in_order = PROBLEMS[problem].in_order
    assert in_order is not None
    return in_order(names)[0]


def deciding(problem: str, names: Sequence[str]) -> Decision:
    in_order = PROBLEMS[problem].in_order
    assert in_order is not None
    return decision(asked(problem), *in_order(names))


def answers_of(one: Decision, other: Decision) -> tuple[Arrays, Arrays]:
    """The same answers in the columns of each."""
    answers = np.random.default_rng(3).random((50, len(one.columns))).astype(np.float32)
    return answers, answers[:, [one.columns.index(name) for name in other.columns]]


@pytest.mark.parametrize("today", ORDERS)
@pytest.mark.parametrize("problem", [name for name, one in PROBLEMS.items() if one.in_order])
def test_it_is_brought_to_any_order(problem: str, today: tuple[str, ...]) -> None:
    before = ("b", "c", "a")
    one, other = deciding(problem, before), deciding(problem, today)
    answers, turned = answers_of(one, other)
    found, decided = one.reordered(answers, one(answers), other.names)
    np.testing.assert_array_equal(found, turned)
    np.testing.assert_array_equal(decided, other(turned))
    assert decided.dtype == other(turned).dtype
    assert dict(one.meaning) == dict(other.meaning)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_in_its_own_order_nothing_moves(problem: str) -> None:
    example = PROBLEMS[problem]
    one = decision(asked(problem), example.description)
    answers = np.random.default_rng(3).random((50, len(one.columns))).astype(np.float32)
    found, decided = one.reordered(answers, one(answers), one.names)
    np.testing.assert_array_equal(found, answers)
    assert one.same(decided, one(answers)).all()
    assert one.meaning["problem"] == problem


def test_thresholds_stay_with_their_labels() -> None:
    one = decision(
        TaskParams(problem="multi_label"), described("multi_label", ("a", "b")), {"thresholds": [0.3, 0.8]}
    )
    answers = np.array([[0.5, 0.5]])
    assert one(answers).tolist() == [[1, 0]]
    assert one.reordered(answers, one(answers), ("b", "a"))[1].tolist() == [[0, 1]]


@pytest.mark.parametrize("positive", ["yes", "no"])
def test_a_threshold_stays_with_its_class(positive: str) -> None:
    task = TaskParams(problem="classification")
    fitted = {"threshold": 0.9, "positive": positive}
    one, other = (
        decision(task, described("classification", names), fitted) for names in (("no", "yes"), ("yes", "no"))
    )
    answers, turned = answers_of(one, other)
    answers[:, 1], turned[:, 0] = 1 - answers[:, 0], 1 - answers[:, 0]
    np.testing.assert_array_equal(one.reordered(answers, one(answers), other.names)[1], other(turned))


def test_a_tie_is_broken_as_the_model_breaks_it_by_itself() -> None:
    one = deciding("classification", ("b", "c", "a"))
    answers = np.full((1, 3), 1 / 3)
    assert one.names[one(answers)[0]] == "b"
    assert one.reordered(answers, one(answers), ("a", "b", "c"))[1].tolist() == [1]


def test_numbers_without_intervals_are_reordered() -> None:
    task, before, today = TaskParams(problem="regression"), ("b", "c", "a"), ("a", "b", "c")
    one, other = (
        decision(task, described("regression", names), {"margins": None}) for names in (before, today)
    )
    answers, turned = answers_of(one, other)
    found, decided = one.reordered(answers, one(answers), today)
    np.testing.assert_array_equal(found, turned)
    np.testing.assert_array_equal(decided, other(turned))


CHANGES = {
    "unit of a": lambda said: said["numbers"][0].update(unit="m"),
    "range of a": lambda said: said["numbers"][0].update(range=[0, 10]),
    "origin of a": lambda said: said["numbers"][0].update(origin="left"),  # what a later version may say
    "problem": lambda said: said.update(problem="another"),
    "calendar": lambda said: said.update(calendar="ISO"),
}


@pytest.mark.parametrize("word", CHANGES)
def test_another_meaning_is_named(word: str) -> None:
    said = described("regression", ("a", "b"))
    changed = copy.deepcopy(said)
    CHANGES[word](changed)
    task = TaskParams(problem="regression")
    one, other = decision(task, said).meaning, decision(task, changed).meaning
    assert [key for key in {**one, **other} if one.get(key) != other.get(key)] == [word]


def test_what_follows_the_training_samples_is_no_other_meaning() -> None:
    said = described("regression", ("a", "b"))
    other = {**said, "statistics": {"mean": [5.0, 6.0], "scale": [1.0, 1.0]}}
    task = TaskParams(problem="regression")
    assert decision(task, said).meaning == decision(task, other).meaning
    plain = {**said, "numbers": [{"name": "a", "range": [0.0, 9.0], "unit": "mm"}, {"name": "b"}]}
    one, old = decision(task, said).meaning, decision(task, plain).meaning
    assert all(one.get(key) == old.get(key) for key in {**one, **old})
