from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.data.splits import SIDES, deal, declared_side, pools, side_in_fold, side_of
from components.errors import DataError
from components.params.data import DataParams, Split

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
    assert [declared_side(name, "a.png") for name in ("test", "Val", "DEV")] == [
        "test",
        "validation",
        "validation",
    ]
    with pytest.raises(DataError, match=r"'holdout' for a\.png\. Allowed: train"):
        declared_side("holdout", "a.png")


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        (set(SIDES), {side: (side,) for side in SIDES}),
        (
            {"train", "validation", "test"},
            {"train": ("train",), "validation": ("validation", "calibration"), "test": ("test",)},
        ),
        ({"train", "test"}, {"train": ("train", "validation", "calibration"), "test": ("test",)}),
        (
            {"train", "validation"},
            {"train": ("train", "test"), "validation": ("validation", "calibration")},
        ),
    ],
)
def test_what_is_not_declared_comes_out_of_validation_or_train(
    declared: set[str], expected: dict[str, tuple[str, ...]]
) -> None:
    assert pools(declared) == expected


def test_a_part_of_the_sides_is_met_in_proportion() -> None:
    counts = Counter(side_of(str(i), SPLIT, ("validation", "calibration")) for i in range(6000))
    # 0.1 : 0.05, and five standard deviations of a binomial share
    assert counts["calibration"] / 6000 == pytest.approx(1 / 3, abs=0.031)
    assert set(counts) == {"validation", "calibration"}


FOLDED = Split(salt="x", train=0.6, validation=0.15, calibration=0.05, test=0.2, folds=3)


def test_few_groups_are_dealt_so_that_every_fold_has_some() -> None:
    groups = [f"machine {n}" for n in range(7)]
    dealt = deal(groups, FOLDED, 3)
    assert sorted(Counter(dealt.values()).values()) == [2, 2, 3]
    assert dealt == deal(reversed(groups), FOLDED, 3)


def test_over_all_folds_each_group_tests_once_and_trains_elsewhere() -> None:
    dealt = deal([f"machine {n}" for n in range(7)], FOLDED, 3)
    for group, fold in dealt.items():
        sides = [
            {
                side_in_fold(fold, f"{group} {i}", FOLDED.model_copy(update={"fold": tested}), 3)
                for i in range(200)
            }
            for tested in range(3)
        ]
        assert sides.count({"test"}) == 1
        assert sides.count({"train"}) == 1
        assert sides.count({"validation", "calibration"}) == 1


def test_calibration_gets_its_share_of_the_validating_fold() -> None:
    sides = Counter(side_in_fold(1, str(i), FOLDED, 3) for i in range(4000))
    assert sides["calibration"] / 4000 == pytest.approx(0.25, abs=0.035)  # five standard deviations


def test_more_folds_than_groups_are_refused() -> None:
    with pytest.raises(DataError, match=r"folds is 3, but there are 2 groups"):
        deal(["a", "b", "a"], FOLDED, 3)


@pytest.mark.parametrize(
    ("split", "labels", "said"),
    [
        ({"folds": 5}, {}, "needs labels.group"),
        ({"folds": 5, "fold": 5}, {"group": "machine"}, "fold is 5; allowed: 0 to 4"),
        ({"fold": 1}, {}, "fold is 1; allowed: 0 to 0"),
        ({"folds": 5}, {"group": "machine", "split": "side"}, "exclude each other"),
    ],
)
def test_folds_that_make_no_sense_are_refused(
    split: dict[str, object], labels: dict[str, object], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        DataParams.model_validate(
            {"source": "file:x", "licence": "none", "layout": "manifest", "split": split, "labels": labels}
        )
