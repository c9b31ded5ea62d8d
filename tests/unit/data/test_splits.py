from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.data.splits import SIDES, declared_side, side_of
from components.errors import DataError
from components.params.data import Split

SPLIT = Split(salt="x", train=0.6, validation=0.1, calibration=0.05, test=0.25)


def test_shares_are_met() -> None:
    counts = Counter(side_of(f"{i:064x}", SPLIT) for i in range(20_000))
    for side in SIDES:
        # five standard deviations of a binomial share: sqrt(p (1 - p) / 20000) is at most 0.0035
        assert counts[side] / 20_000 == pytest.approx(getattr(SPLIT, side), abs=0.0175)


@given(st.sets(st.text(max_size=8), max_size=20), st.sets(st.text(max_size=8), max_size=20))
def test_adding_samples_never_moves_one(before: set[str], added: set[str]) -> None:
    first = {key: side_of(key, SPLIT) for key in before}
    second = {key: side_of(key, SPLIT) for key in before | added}
    assert all(second[key] == side for key, side in first.items())


def test_another_salt_is_another_split() -> None:
    other = SPLIT.model_copy(update={"salt": "y"})
    assert any(side_of(str(i), SPLIT) != side_of(str(i), other) for i in range(20))


def test_the_sides_of_a_few_keys_stay_what_they_are() -> None:
    """Changing the function would move every user's samples: these were written down once."""
    assert [side_of(key, SPLIT) for key in "abcde"] == ["train", "validation", "train", "train", "train"]


def test_a_larger_share_of_train_takes_from_the_next_side_only() -> None:
    more = Split(salt="x", train=0.65, validation=0.05, calibration=0.05, test=0.25)
    moved = {
        (side_of(str(i), SPLIT), side_of(str(i), more))
        for i in range(2000)
        if side_of(str(i), SPLIT) != side_of(str(i), more)
    }
    assert moved == {("validation", "train")}


def test_unknown_sides_are_refused() -> None:
    assert declared_side("test", "a.png") == "test"
    with pytest.raises(DataError, match=r"'val' for a\.png"):
        declared_side("val", "a.png")
