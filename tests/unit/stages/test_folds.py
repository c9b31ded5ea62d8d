"""Folds inside the training side: whole groups, all classes, nothing of the other sides."""

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from components.data.dataset import Dataset
from components.errors import DataError
from components.params.domains import DomainsParams
from components.stages.domains import learned, unlabelled
from components.stages.folds import make_folds

NONE = DomainsParams()
HIDDEN = DomainsParams(source=("day",), target=("night",))
USED = HIDDEN.model_copy(update={"target_labels": "used"})


def dataset(count: int = 120, group: int = 0, domains: tuple[str, ...] = ("",)) -> Dataset:
    """Two training samples of three; a third of all is of class 1; groups of `group` neighbours."""
    names = sorted(f"{number:04d}" for number in range(count))
    table = pa.table(
        {
            "id": names,
            "label": [("no", "yes")[number % 3 == 0] for number in range(count)],
            "split": ["test" if number % 7 >= 5 else "train" for number in range(count)],
            "group": [f"g{number // group}" if group else "" for number in range(count)],
            "domain": [domains[number % len(domains)] for number in range(count)],
        }
    )
    described = {
        "target": {"problem": "classification", "classes": ["no", "yes"]},
        "digest": "d",
        "licence": "none",
        "source": {"uri": "x", "revision": "x"},
    }
    return Dataset(Path(), table, described)


@pytest.mark.parametrize("domains", [NONE, HIDDEN, USED], ids=["none", "hidden", "used"])
@pytest.mark.parametrize("group", [0, 2], ids=["single", "grouped"])
def test_folds_share_nothing_and_cover_what_is_scored(group: int, domains: DomainsParams) -> None:
    data = dataset(240, group, ("day", "night", "night", "day") if domains.declared else ("",))
    folds = make_folds(data, domains, 3, seed=5)
    training, groups = set(data.ids("train")), dict(zip(data.ids("train"), data.groups("train"), strict=True))
    held: Counter[str] = Counter()
    for fold in folds.parts:
        parts = [folds.at(fold.held), folds.at(fold.stop), folds.learning(learned(data, domains), fold)]
        for number, part in enumerate(parts):
            assert set(part.ids) <= training
            assert set(part.targets) == {0, 1}
            for other in parts[number + 1 :]:
                assert not {groups[i] or i for i in part.ids} & {groups[i] or i for i in other.ids}
        if not group:
            assert sum(len(part) for part in parts) == len(learned(data, domains))
        held.update(parts[0].ids)
    assert held == Counter(folds.of.ids)


def test_classes_are_in_equal_shares() -> None:
    data = dataset(105)  # 75 of training, 25 of class 1
    for fold in make_folds(data, NONE, 5, seed=1).parts:
        assert np.bincount(data.targets("train")[fold.held]).tolist() == [10, 5]


def test_the_seed_deals() -> None:
    data = dataset()
    first, again, other = (make_folds(data, NONE, 3, seed).parts for seed in (1, 1, 2))
    for a, b in zip(first, again, strict=True):
        assert (a.held == b.held).all()
        assert (a.stop == b.stop).all()
    assert any(set(a.held) != set(b.held) for a, b in zip(first, other, strict=True))


def test_hidden_target_labels_are_in_no_fold_and_the_source_is_scored() -> None:
    data = dataset(240, domains=("day", "night"))
    folds = make_folds(data, HIDDEN, 3, seed=5)
    assert set(folds.of.domains) == {"day"}
    for fold in folds.parts:
        beside = folds.learning(unlabelled(data, HIDDEN), fold)
        assert set(beside.domains) == {"night"}
        assert set(beside.targets) == {-1}


def test_used_target_labels_are_scored_and_the_source_always_learns() -> None:
    data = dataset(240, domains=("day", "night"))
    folds = make_folds(data, USED, 3, seed=5)
    assert set(folds.of.domains) == {"night"}
    source = sum(domain == "day" for domain in data.domains("train"))
    for fold in folds.parts:
        part = folds.learning(learned(data, USED), fold)
        assert (part.domains == "day").sum() == source
        beside = folds.learning(unlabelled(data, USED), fold)
        assert not set(beside.places) & {*fold.held, *fold.stop}


def test_what_is_split_off_holds_all_classes() -> None:
    data = dataset(group=2)
    folds = make_folds(data, NONE, 2, seed=5)
    learn, stop = folds.split_off(folds.of, seed=5)
    assert set(learn.ids) | set(stop.ids) == set(folds.of.ids)
    assert not set(learn.ids) & set(stop.ids)
    assert set(stop.targets) == {0, 1}


@pytest.mark.parametrize(
    ("count", "group", "words"), [(30, 0, "there are 7 like 'yes'"), (120, 40, "there are 3 like 'no'")]
)
def test_too_few_samples_or_groups_of_a_class_are_named(count: int, group: int, words: str) -> None:
    with pytest.raises(
        DataError, match=rf"9 folds need 9 training samples \(or groups\) of each kind; {words}"
    ):
        make_folds(dataset(count, group), NONE, 9, seed=1)
