import pytest

from components.data.lock import Lock
from components.monitoring.need import adapting, labels_needed, new_labels
from components.params import Params
from components.sources.base import Entry


def params(**sections: object) -> Params:
    values: dict[str, object] = {
        "data": {"source": "file:cells", "licence": "none", "layout": "folders"},
        "gate": {"rules": [{"metric": "accuracy", "at_least": 0.5}]},
    }
    return Params.model_validate({**values, **sections})


def lock(**files: str) -> Lock:
    """Path with `__` for `/` → a digit that stands for the content."""
    entries = (Entry(name.replace("__", "/"), 1, digit * 64) for name, digit in files.items())
    return Lock("file:cells", "", "none", "folders", tuple(entries))


TABLE = {"source": "file:cells", "licence": "none", "layout": "labels", "labels": {"file": "labels"}}
TWO = {"source": ["north"], "target": ["south"]}
DOMAINS = {"data": {**TABLE, "labels": {"file": "labels", "domain": "plant"}}, "domains": TWO}


@pytest.mark.parametrize(
    ("now", "new"),
    [
        (lock(dark__1="1"), False),
        (lock(dark__renamed="1"), False),
        (lock(dark__1="1", dark__2="2"), True),
        (lock(light__1="1"), True),  # the same picture, another label
        (lock(), False),
    ],
)
def test_in_folders_a_new_file_is_a_new_label(now: Lock, new: bool) -> None:
    assert new_labels(params(), lock(dark__1="1"), now) is new


def test_in_a_table_it_is_the_table_that_changes() -> None:
    tabled = params(data=TABLE)
    assert not new_labels(tabled, lock(labels="1", a="2"), lock(labels="1", a="2", b="3"))
    assert new_labels(tabled, lock(labels="1", a="2"), lock(labels="4", a="2"))


def test_without_labels_and_without_a_method_nothing_can_be_learned() -> None:
    same = lock(dark__1="1")
    assert labels_needed(params(), None, same) is None
    assert labels_needed(params(), same, lock(dark__1="1", dark__2="2")) is None
    assert "no new labels" in str(labels_needed(params(), same, same))


def test_a_method_that_adapts_needs_new_samples_and_no_labels() -> None:
    adapts = params(objectives={"align": "mmd"}, **DOMAINS)
    before = lock(labels="1", a="2")
    assert labels_needed(adapts, before, lock(labels="1", a="2", b="3")) is None
    said = labels_needed(adapts, before, before)
    assert said is not None
    assert said.endswith("neither labels nor samples for objectives.align mmd")


def test_which_methods_adapt_without_labels() -> None:
    used = {**DOMAINS, "domains": {**TWO, "target_labels": "used"}}
    assert adapting(params()) == []
    assert adapting(params(pretrain={"method": "clusters"})) == ["pretrain.method clusters"]
    assert adapting(params(weighting={"method": "kmm"}, **DOMAINS)) == ["weighting.method kmm"]
    assert adapting(params(weighting={"method": "tradaboost"}, **used)) == []
    assert adapting(params(tune={"then": "tent"}, objectives={"confident": "mcc"}, **DOMAINS)) == [
        "objectives.confident mcc",
        "tune.then tent",
    ]
