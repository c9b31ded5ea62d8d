"""A label that is made of several cells of a row."""

import json
from pathlib import Path

import pytest

from components.data.formats.table import label_of
from components.data.tables import TableRow, columns, described
from components.errors import DataError
from components.params.data import Labels


def row(**cells: object) -> TableRow:
    return TableRow("t.csv", 1, 2, cells)


@pytest.mark.parametrize(
    ("cells", "unlabelled", "label"),
    [
        ({"a": "1", "b": "0"}, None, '["1", "0"]'),
        ({"a": 1, "b": 0.5}, None, '["1", "0.5"]'),
        ({"a": "ä", "b": ""}, None, '["ä", ""]'),
        ({"a": "", "b": ""}, None, ""),
        ({"a": "", "b": ""}, "", ""),
        ({"a": "NA", "b": "NA"}, "NA", "NA"),
        ({"a": "NA", "b": ""}, "NA", "NA"),
        ({"a": "NA", "b": "1"}, "NA", '["NA", "1"]'),
        ({"a": "", "b": ""}, "NA", ""),
    ],
)
def test_cells_are_a_list_unless_none_says_anything(
    cells: dict[str, object], unlabelled: str | None, label: str
) -> None:
    assert label_of(row(**cells), Labels(label=("a", "b"), unlabelled=unlabelled)) == label


def test_one_column_is_the_cell_itself() -> None:
    assert label_of(row(a="1"), Labels(label="a")) == "1"
    assert label_of(row(a="1"), Labels(label=("a",))) == json.dumps(["1"])


def test_each_column_is_wanted(tmp_path: Path) -> None:
    labels = Labels(label=("a", "b"), group="g", slices=("s",))
    assert columns(labels) == [
        ("path", "path"),
        ("label", "a"),
        ("label", "b"),
        ("group", "g"),
        ("slices", "s"),
    ]
    (tmp_path / "t.csv").write_text("path,a\nx,1\n")
    with pytest.raises(DataError, match=r"data\.labels\.label"):
        list(described(Labels(label=("a", "b")), lambda: (tmp_path / "t.csv").open("rb")).rows())


@pytest.mark.parametrize("wrong", [[], ["a", "a"]])
def test_columns_that_make_no_label_are_refused(wrong: list[str]) -> None:
    with pytest.raises(ValueError, match="each once"):
        Labels.model_validate({"label": wrong})


def test_columns_may_ask_for_the_same() -> None:
    """Of one column, two classes may not: no label could tell them apart."""
    same = {"wet": "yes", "cold": "yes"}
    assert Labels(label=("a", "b"), classes=same).classes == same
    with pytest.raises(ValueError, match="both ask for 'yes'"):
        Labels(classes=same)
