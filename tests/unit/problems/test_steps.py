"""Answers in steps, with a step that can be followed by hand: it says how many steps are left, and counts its calls."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from components.problems.steps import State, Steps

Array = npt.NDArray[Any]
STEPS = Steps(
    5,
    0,
    (
        State("newest", "int64", ("batch", "new"), 2, (7, 8)),
        State("cache", "float32", ("batch", 3, "past"), 5),
    ),
)


def _counting(left: Sequence[int], seen: list[Mapping[str, Array]]) -> Any:
    """Of each sample the steps that are left, as many as `left` says at first."""

    def step(state: Mapping[str, Array]) -> Sequence[Array]:
        seen.append(state)
        now = np.array(left) - len(seen)
        return (
            now[:, None, None].astype(np.float32),
            now[:, None],
            np.concatenate([state["cache"], np.ones((len(left), 3, 1), np.float32)], axis=2),
        )

    return step


def test_it_goes_round_until_all_have_ended_and_nothing_stands_behind_an_end() -> None:
    seen: list[Mapping[str, Array]] = []
    found = STEPS.answers(_counting([3, 1, 2], seen), 3)
    assert found.dtype == np.float32
    assert found.tolist() == [[[2, 1, 0, 0, 0]], [[0, 0, 0, 0, 0]], [[1, 0, 0, 0, 0]]]
    assert len(seen) == 3
    assert seen[0]["newest"].tolist() == [[7, 8]] * 3
    assert seen[0]["newest"].dtype == np.int64
    assert [state["cache"].shape for state in seen] == [(3, 3, 0), (3, 3, 1), (3, 3, 2)]
    assert seen[1]["newest"].tolist() == [[2], [0], [1]]


def test_it_goes_round_no_more_often_than_it_says() -> None:
    seen: list[Mapping[str, Array]] = []
    assert STEPS.answers(_counting([9], seen), 1).tolist() == [[[8, 7, 6, 5, 4]]]
    assert len(seen) == 5


def test_no_samples_have_no_answers() -> None:
    assert STEPS.answers(_counting([], []), 0).shape == (0, 1, 5)


def test_what_a_caller_must_know_is_json_and_the_largest_shapes_are_bounds() -> None:
    assert STEPS.as_json() == {
        "most": 5,
        "end": 0,
        "state": [
            {"name": "newest", "type": "int64", "shape": ["batch", "new"], "start": [7, 8]},
            {"name": "cache", "type": "float32", "shape": ["batch", 3, "past"], "start": []},
        ],
    }
    assert STEPS.largest(4) == {"newest": (4, 2), "cache": (4, 3, 5)}
