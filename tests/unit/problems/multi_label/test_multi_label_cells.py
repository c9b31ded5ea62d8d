"""From a table's cells to the labels of a sample, and what is refused on the way."""

import json

import pytest

from components.data.contents import classify, merge, present
from components.data.formats.base import Item
from components.data.lock import Lock
from components.errors import DataError
from components.params.data import DataParams, Labels
from components.params.task import TaskParams
from components.problems.multi_label.target import Reading, names_of
from components.sources.base import Entry


def task(**options: object) -> TaskParams:
    return TaskParams.model_validate({"modality": "text", "problem": "multi_label", **options})


def read(cells: list[str], labels: Labels | None = None, **options: object) -> Reading:
    return Reading(labels or Labels(), task(**options), cells)


def test_labels_stand_in_one_cell_in_any_order() -> None:
    reading = read(["b|a", "c", "a | c"])
    assert reading.names == ("a", "b", "c")
    assert reading.label("b|a") == '["a", "b"]'
    assert reading.label(" c ".strip()) == '["c"]'
    assert reading.label("a | c") == '["a", "c"]'
    assert reading.strata('["a", "c"]') == ("a", "c")


def test_declared_labels_have_the_declared_order_and_no_others() -> None:
    reading = Reading(Labels(), task(labels=["b", "a"]), ["a|b"])
    assert reading.label("a|b") == '["b", "a"]'
    assert reading.label("a|z") is None
    message = str(reading.refusal({"a|z": ["t.csv, row 4"], "aa": ["t.csv, row 7", "t.csv, row 9"]}))
    assert "'z' (1 samples, the first: t.csv, row 4)" in message
    assert "'aa' (2 samples, the first: t.csv, row 7)" in message
    message = str(Reading(Labels(), task(labels=["blue", "red"]), []).refusal({"bleu": ["t.csv, row 7"]}))
    assert "'bleu' (1 samples, the first: t.csv, row 7); did you mean 'blue'?" in message
    message = str(
        Reading(Labels(), task(labels=["b", "a"]), []).refusal({"a;b": ["row 4"], "b;a": ["row 5"]})
    )
    assert (
        "separated by '|' (task.separator); where ';' does, write `separator: \";\"` below task." in message
    )


@pytest.mark.parametrize("cell", ["a||b", "|a", "a|", "|"])
def test_a_place_without_a_label_is_refused(cell: str) -> None:
    with pytest.raises(DataError, match="a place without a label"):
        read([cell])


def test_none_is_a_label_of_its_own_only_where_nothing_says_otherwise() -> None:
    assert read(["none", "a"]).names == ("a", "none")
    reading = read(["none", "a"], **{"none": "none"})
    assert (reading.names, reading.label("none")) == (("a",), "[]")
    with pytest.raises(DataError, match="beside others"):
        read(["none|a"], **{"none": "none"})


def test_an_empty_cell_means_what_params_say() -> None:
    assert Reading.empty(task()) == ""
    assert Reading.empty(task(none="none")) == ""
    assert Reading.empty(task(none="")) == "[]"
    assert read(["a", "[]"], **{"none": ""}).label("[]") == "[]"


@pytest.mark.parametrize(
    ("cells", "labels"),
    [
        (["1", "0"], ["wet"]),
        (["true", "False"], ["wet"]),
        (["yes", "Y"], ["wet", "cold"]),
        (["0.0", "no"], []),
        (["", "1"], None),
        (["2", "1"], None),
    ],
)
def test_columns_say_yes_or_no(cells: list[str], labels: list[str] | None) -> None:
    reading = read([], Labels(label=("wet", "cold")))
    found = reading.label(json.dumps(cells))
    assert found == (None if labels is None else json.dumps(labels))


def test_columns_may_have_conditions() -> None:
    labels = Labels(label=("probability", "type"), classes={"defective": ">= 0.5", "poly": "poly"})
    reading = read([], labels)
    assert reading.names == ("defective", "poly")
    assert reading.label('["0.6666666666666666", "mono"]') == '["defective"]'
    assert reading.label('["0.0", "poly"]') == '["poly"]'
    assert reading.label('["?", "poly"]') is None
    message = str(reading.refusal({'["?", "poly"]': ["row 3"]}))
    assert "column 'probability' says '?' (1 samples, the first: row 3)" in message
    assert "'type'" not in message


def test_rows_that_are_labelled_in_part_are_named() -> None:
    reading = read([], Labels(label=("a", "b"), unlabelled="?"))
    assert reading.label('["?", "1"]') is None
    assert "column 'a' says '?'" in str(reading.refusal({'["?", "1"]': ["row 3"]}))


def test_an_empty_set_is_kept_and_a_missing_label_is_not() -> None:
    """A sample without labels is labelled: it is neither quarantined nor lost to contradictions."""
    params = DataParams(
        source="file:x",
        licence="x",
        layout="manifest",
        labels=Labels(unlabelled="?"),
        limits={"min_per_class": 1},
    )
    items = [Item(name, label) for name, label in zip("abcd", ("x|y", "[]", "?", ""), strict=True)]
    entries = tuple(Entry(name, 1, name * 64) for name in "abcd")
    lock = Lock("file:x", "r", "x", "manifest", entries)
    labels = classify(items, params, task(none=""))
    usable, rejected = present(items, entries, params)
    contents, _ = merge(usable, lock, labels, params)
    assert {content.path: content.label for content in contents} == {"a": '["x", "y"]', "b": "[]", "c": ""}
    assert [names_of(content.label) for content in contents] == [("x", "y"), (), ()]
    assert [item.path for item in rejected] == ["d"]


def test_copies_with_other_labels_contradict_each_other() -> None:
    items = [Item("a", "x|y"), Item("b", "y|x"), Item("c", "x")]
    lock = Lock("file:x", "r", "x", "manifest", tuple(Entry(name, 1, "0" * 64) for name in "abc"))
    params = DataParams(source="file:x", licence="x", layout="manifest")
    labels = classify(items, params, task())
    assert merge(items[:2], lock, labels, params)[1] == []
    assert {item.kind for item in merge(items, lock, labels, params)[1]} == {"contradiction"}


def test_what_is_probably_not_meant() -> None:
    def doubts(cells: list[str], labels: Labels | None = None, **options: object) -> str:
        return " ".join(Reading.doubtful(labels or Labels(), task(**options), cells))

    assert "holds 'nan' in 2 rows; each is a label" in doubts(["nan", "a|b", "nan"])
    assert doubts(["none", "a|b"], none="none") == ""
    assert "never holds 'nothing', which task.none names" in doubts(["a|b"], none="nothing")
    assert "never holds '?', which data.labels.unlabelled names" in doubts(["a|b"], Labels(unlabelled="?"))
    assert "task.separator is '|', which no cell holds, but 2 rows hold ','" in doubts(["a,b", "b,c", "a"])
    assert doubts(["a", "b"]) == ""


@pytest.mark.parametrize(
    "options",
    [
        {"labels": ["a", "a"]},
        {"labels": [" a"]},
        {"labels": ["a"], "none": "a"},
        {"none": "a|b"},
        {"separator": ""},
        {"seperator": ","},
    ],
)
def test_parameters_that_make_no_sense(options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"labels|none|separator"):
        task(**options)
