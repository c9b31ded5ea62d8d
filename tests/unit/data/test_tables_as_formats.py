"""From a table's cells to items: what is a label, what has none, and which row a message means."""

import json
from pathlib import Path

import pytest
from pictures import data_params, lock_of, png, write

from components.data.contents import classify, merge, present
from components.data.formats import open_format
from components.data.formats.base import Item, Listing
from components.data.reading import read
from components.errors import DataError
from components.params.data import DataParams, Limits, Split
from components.params.task import TaskParams
from components.problems.classification.target import check_positive


def items_of(
    tmp_path: Path, payload: bytes, file: str = "t.csv", **labels: object
) -> tuple[list[Item], DataParams]:
    params = data_params(tmp_path / "src", layout="manifest", labels={"file": file, **labels})
    write(tmp_path / "src", {file: payload})
    return sorted(listing(tmp_path, params).items, key=lambda item: item.path), params


def listing(tmp_path: Path, params: DataParams) -> Listing:
    lock, files = lock_of(params, tmp_path / "cache")
    return open_format(params, "images").read([entry.path for entry in lock.entries], files)


def notes(tmp_path: Path, params: DataParams) -> str:
    return " ".join(read(*lock_of(params, tmp_path / "cache"), params, TaskParams()).notes)


def refusal(tmp_path: Path, payload: bytes, file: str = "t.csv", **labels: object) -> str:
    with pytest.raises(DataError) as caught:
        items_of(tmp_path, payload, file, **labels)
    return str(caught.value)


def test_a_word_for_no_label_is_a_class_with_a_warning(tmp_path: Path) -> None:
    """CASES 4: a class that is really named `nan` can be had."""
    items, params = items_of(tmp_path, b"path,label\na,nan\nb,cat\nc,\nd,None\n")
    write(tmp_path / "src", {name: png(number) for number, name in enumerate("abcd")})
    params = params.model_copy(update={"limits": Limits(quarantine_share=0.25)})
    assert classify(items, params, TaskParams()).names == ("None", "cat", "nan")
    assert [item.label for item in items] == ["nan", "cat", "", "None"]
    assert "t.csv: the column 'label' holds 'None' in 1 row, 'nan' in 1 row" in notes(tmp_path, params)


@pytest.mark.parametrize("key", ["group", "domain", "slices"])
def test_a_word_for_no_value_in_another_column_is_doubted(tmp_path: Path, key: str) -> None:
    """CASES 4, 5."""
    rows = [f"{name}.png,{name},{other}" for name, other in zip("abcd", ("NA", "x", "X", "NA"), strict=True)]
    payload = "\n".join(["path,label,other", *rows]).encode()
    _, params = items_of(tmp_path, payload, **{key: ["other"] if key == "slices" else "other"})
    write(tmp_path / "src", {f"{name}.png": png(number) for number, name in enumerate("abcd")})
    one = "slice" if key == "slices" else key
    where = f"t.csv: the column 'other', which data.labels.{key} names, holds"
    assert notes(tmp_path, params) == (
        f"{where} 'NA' in 2 rows: each is taken for a {one}. If it means that there is no value, empty the cells. "
        f"{where} values that look alike, but are separate: 'X' and 'x'. Where they are one, correct them in the table."
    )


def test_a_refusal_names_the_doubtful_column(tmp_path: Path) -> None:
    """CASES 4: most rows have one group, so too few groups are left for the folds."""
    rows = [f"{number}.png,{'xy'[number % 2]},{'NA' if number else 'g'}" for number in range(12)]
    payload = "\n".join(["path,label,who", *rows]).encode()
    _, params = items_of(tmp_path, payload, group="who")
    write(tmp_path / "src", {f"{number}.png": png(number) for number in range(12)})
    params = params.model_copy(update={"split": Split(folds=3)})
    with pytest.raises(DataError, match=r"there are 2 groups.* the column 'who', .* holds 'NA' in 11 rows"):
        notes(tmp_path, params)


@pytest.mark.parametrize("word", ["nan", "NaN", "None", "null", "NA", ""])
def test_unlabelled_is_compared_with_what_the_cell_says(tmp_path: Path, word: str) -> None:
    """CASES 4."""
    items, params = items_of(tmp_path, f"path,label\na.png,{word}\nb.png,cat\n".encode(), unlabelled=word)
    write(tmp_path / "src", {"a.png": png(1), "b.png": png(2)})
    lock, _ = lock_of(params, tmp_path / "cache")
    classes = classify(items, params, TaskParams())
    usable, rejected = present(items, lock.entries, params)
    contents, _ = merge(usable, lock, classes, params)
    assert classes.names == ("cat",)
    assert sorted((content.path, content.label) for content in contents) == [("a.png", ""), ("b.png", "cat")]
    assert rejected == []
    assert notes(tmp_path, params) == ""


def test_a_label_that_no_class_takes_is_named_with_its_first_row(tmp_path: Path) -> None:
    """CASES 2."""
    items, params = items_of(
        tmp_path, b"path,label\na,1.1\nb,1.10\nc,1.10\n", classes={"scope": "1.1", "terms": "1.2"}
    )
    with pytest.raises(DataError, match=r"'1\.10' \(2 samples, the first: t\.csv, row 2 \(line 3\)\)"):
        classify(items, params, TaskParams())
    floats, params = items_of(tmp_path, b"path,label\na,1.0\nb,0\n", classes={"good": "0", "bad": "1"})
    with pytest.raises(DataError, match=r"write 1 without quotes: then it takes '1\.0', too\. Declared"):
        classify(floats, params, TaskParams())


@pytest.mark.parametrize("column", ["path", "label", "group", "domain", "split", "slices"])
def test_half_of_a_character_is_refused_with_its_row(tmp_path: Path, column: str) -> None:
    """CASES 11."""
    rows = [
        {"path": f"{n}.png", "label": "x", "group": "g", "domain": "d", "split": "s", "slices": "t"}
        for n in "ab"
    ]
    rows[1][column] = "\ud83d"
    payload = "\n".join(json.dumps(row) for row in rows).encode()
    labels: dict[str, object] = {"group": "group", "domain": "domain", "split": "split", "slices": ["slices"]}
    message = refusal(tmp_path, payload, "t.jsonl", **labels)
    assert (
        f"t.jsonl, row 2 (line 2): the cell of {column!r} is '\\ud83d', with half of a character" in message
    )
    message.encode()


def test_half_of_a_character_in_a_text_is_left_to_who_reads_it(tmp_path: Path) -> None:
    """CASES 11: the task quarantines it."""
    payload = b'{"text": "so \\ud83d", "label": "x"}\n{"text": "fine \\ud83d\\ude00", "label": "x"}\n'
    _, params = items_of(tmp_path, payload, "t.jsonl", text="text")
    payloads = listing(tmp_path, params).payloads
    assert payloads is not None
    assert payloads["t.jsonl#2"].decode() == "fine 😀"
    with pytest.raises(UnicodeDecodeError):
        payloads["t.jsonl#1"].decode()


def test_rows_of_json_without_a_label_or_a_path(tmp_path: Path) -> None:
    """CASES 10."""
    payload = b'{"path": "a.png", "slices": "s"}\n{"label": "x"}\n{"path": "b.png", "label": "x"}\n'
    items, _ = items_of(tmp_path, payload, "t.jsonl", slices=["slices"], unlabelled="")
    assert [(item.path, item.label, item.slices) for item in items] == [
        ("a.png", "", ("s",)),
        ("b.png", "x", ("",)),
        ("t.jsonl#2", "x", ("",)),
    ]


@pytest.mark.parametrize("path", ["../x", "..", "/etc/passwd", "a/../../x"])
def test_a_path_that_leaves_the_source_is_named_with_its_row(tmp_path: Path, path: str) -> None:
    message = refusal(tmp_path, f"path,label\na.png,x\n{path},x\n".encode())
    assert f"t.csv, row 2 (line 3): the path {path!r} leaves the source" in message


def test_a_file_that_is_not_there_is_named_with_its_row(tmp_path: Path) -> None:
    items, params = items_of(tmp_path, b"path,label\na.png,x\n,x\n")
    lock, _ = lock_of(params, tmp_path / "cache")
    _, rejected = present(items, lock.entries, params)
    assert [(item.path, item.reason) for item in rejected] == [
        ("a.png", "is in t.csv, row 1 (line 2), not at the source"),
        ("t.csv#2", "is in t.csv, row 2 (line 3), not at the source"),
    ]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("images/1.png", "img/1.png"),  # another folder
        ("1.png", "img/1.png"),
        ("IMG/1.PNG", "img/1.png"),
        ("img\\1.png", "img/1.png"),
        ("C:\\Data\\img\\1.png", "img/1.png"),
        ("a/same.png", ""),  # two files have that name
        ("c/sub/same.png", ""),
        ("x/b/same.png", "b/same.png"),
        ("2.png", ""),
    ],
)
def test_a_file_that_was_probably_meant_is_named(tmp_path: Path, written: str, meant: str) -> None:
    """CASES 22."""
    items, params = items_of(tmp_path, f"path,label\n{written},x\n".encode())
    write(tmp_path / "src", dict.fromkeys(("img/1.png", "b/same.png", "c/same.png"), b"x"))
    lock, _ = lock_of(params, tmp_path / "cache")
    _, (rejected,) = present(items, lock.entries, params)
    hint = f", which holds {meant!r}" if meant else ""
    assert rejected.reason == f"is in t.csv, row 1 (line 2), not at the source{hint}"


@pytest.mark.parametrize("folder", ["", "img/"])
def test_a_path_names_a_file_with_white_space_or_in_another_normal_form_where_no_other_is_there(
    tmp_path: Path, folder: str
) -> None:
    """CASES 5, 15."""
    held = [
        "a",
        " a",
        " lead.png",
        "\u00a0nb.png",
        " ",
        "cafe\u0301.png",
        "na\u00efve.png",
        "na\u0308\u00ef",
        "na\u0308i\u0308",
    ]
    write(tmp_path / "src", {f"{folder}{name}": name.encode() for name in held})
    named = {
        " a": "a",  # white space around a cell does not count
        " lead.png": " lead.png",
        "\u00a0nb.png": "\u00a0nb.png",
        " ": " ",
        "caf\u00e9.png": "cafe\u0301.png",
        "nai\u0308ve.png": "na\u00efve.png",
        "n\u00e4\u00ef": "n\u00e4\u00ef",  # two files would be that
        "lost.png ": "lost.png",
    }
    payload = "".join(f"{name},x\n" for name in ("path,label", *named)).replace("label,x", "label").encode()
    params = data_params(tmp_path / "src", layout="manifest", labels={"file": f"{folder}t.csv"})
    write(tmp_path / "src", {f"{folder}t.csv": payload})
    assert [item.path for item in listing(tmp_path, params).items] == [
        f"{folder}{name}" for name in named.values()
    ]


def test_texts_of_one_name_are_named_with_both_rows(tmp_path: Path) -> None:
    payload = b'path,text,label\nm1,"a\nb",x\nm2,c,x\nm1,d,x\n'
    said = refusal(tmp_path, payload, text="text")
    assert "t.csv, row 1 (line 2), and row 3: both have 'm1' in the column 'path'" in said


def test_a_side_that_there_is_not_is_named_with_its_row(tmp_path: Path) -> None:
    items, params = items_of(tmp_path, b"path,label,side\na.png,x,later\n", split="side")
    write(tmp_path / "src", {"a.png": png(1)})
    lock, _ = lock_of(params, tmp_path / "cache")
    with pytest.raises(DataError, match=r"says 'later' for t\.csv, row 1 \(line 2\)"):
        merge(items, lock, classify(items, params, TaskParams()), params)


def test_a_positive_class_needs_two() -> None:
    """CASES 8."""
    check_positive("a", ("a", "b"))
    with pytest.raises(DataError, match=r"task\.positive is 'a', but there are 3 classes: a, b, c"):
        check_positive("a", ("a", "b", "c"))
