"""Inputs come in one order each time, each with an id of its own; what is wrong with one is its own affair."""

import gzip
import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from odd_names import ODD_NAMES

from components.errors import DataError, ParamsError, SourceError
from components.inference import inputs as module
from components.inference.inputs import Folder, Inputs, read_below, refuse_output_inside
from components.inference.manifests import Columns, Table


def loaded(inputs: Inputs) -> list[tuple[str, bytes | str]]:
    """(id, bytes, or the reason why there are none)."""
    found: list[tuple[str, bytes | str]] = []
    for item in inputs:
        try:
            found.append((item.id, item.load()))
        except DataError as error:
            found.append((item.id, error.message))
    return found


def test_a_folder_is_sorted_by_path_and_hidden_files_are_left_out(tmp_path: Path) -> None:
    for name in ("b/1", "b.1", "b/c/2", "a", "b-", ".hidden", ".cache/x", "b/.DS_Store", "B"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    expected = ["B", "a", "b-", "b.1", "b/1", "b/c/2"]
    assert expected == sorted(expected)
    assert loaded(Folder(tmp_path)) == [(name, name.encode()) for name in expected]


def test_what_systems_leave_in_folders_is_no_input(tmp_path: Path) -> None:
    for name in (
        "a.png",
        "Thumbs.db",
        "b/desktop.ini",
        "@eaDir/a.png/thumb.png",
        "b/__MACOSX/x.png",
        "b/Icon\r",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    odd = (
        "b/c\u202fd.png",
        "b/ e.png",
        "b/f:g\\h.png",
    )  # as from a macOS screenshot; plain names, all of them
    for name in odd:
        (tmp_path / name).write_bytes(b"x")
    assert [item.id for item in Folder(tmp_path)] == sorted(["a.png", *odd])


def test_a_link_to_a_folder_and_a_name_that_is_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "linked").symlink_to(tmp_path / "real")
    with pytest.raises(SourceError, match="linked is a link to a folder"):
        list(Folder(tmp_path / "in"))
    (tmp_path / "in" / "linked").unlink()
    (tmp_path / "in" / "\udcff.png").write_bytes(b"")
    with pytest.raises(SourceError, match="is not UTF-8"):
        list(Folder(tmp_path / "in"))


def test_a_folder_that_goes_away_is_no_property_of_its_files(tmp_path: Path) -> None:
    folder = tmp_path / "share"
    folder.mkdir()
    (folder / "a").write_bytes(b"1")
    found = list(Folder(folder))
    (folder / "a").unlink()
    with pytest.raises(DataError, match=r"^No such file or directory$"):
        found[0].load()
    folder.rmdir()
    with pytest.raises(SourceError, match="cannot be read: No such file"):
        found[0].load()
    with pytest.raises(SourceError, match="cannot be read"):
        list(Folder(folder))


def test_a_file_that_would_fill_the_memory_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 9)
    (tmp_path / "vast").write_bytes(bytes(10))
    with pytest.raises(DataError, match="10 bytes are more than the 9 allowed"):
        read_below(tmp_path, "vast")


def test_results_may_not_lie_among_the_inputs(tmp_path: Path) -> None:
    refuse_output_inside(Folder(tmp_path / "in"), tmp_path / "out")
    for output in (tmp_path / "in", tmp_path / "in" / "out", tmp_path / "out" / ".." / "in" / "x"):
        with pytest.raises(ParamsError, match="lies inside the inputs"):
            refuse_output_inside(Folder(tmp_path / "in"), output)


ROWS = [
    {"name": "007", "file": "a.png", "text": "good mail "},
    {"name": "x,y", "file": "lost.png", "text": 'bad\n"mail"'},
    {"name": "z", "file": "../secret", "text": ""},
]


def as_csv(path: Path) -> Path:
    lines = ["name,file,text", "007,a.png,good mail ", '"x,y",lost.png,"bad\n""mail"""', "z,../secret,", ""]
    path.with_suffix(".csv").write_text("\ufeff" + "\n".join(lines))
    return path.with_suffix(".csv")


def as_tsv(path: Path) -> Path:
    lines = ["name\tfile\ttext", "007\ta.png\tgood mail ", 'x,y\tlost.png\t"bad\n""mail"""', "z\t../secret\t"]
    path.with_suffix(".tsv").write_text("\n".join(lines))
    return path.with_suffix(".tsv")


def as_jsonl(path: Path) -> Path:
    path.with_suffix(".jsonl").write_text("".join(f"{json.dumps(row)}\n\n" for row in ROWS))
    return path.with_suffix(".jsonl")


def as_ndjson_gz(path: Path) -> Path:
    whole = "\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS)
    path.with_suffix(".ndjson.gz").write_bytes(gzip.compress(whole.encode()))
    return path.with_suffix(".ndjson.gz")


def as_utf16(path: Path) -> Path:
    path.with_suffix(".tsv").write_text(as_tsv(path).read_text(), encoding="utf-16")
    return path.with_suffix(".tsv")


def as_parquet(path: Path) -> Path:
    pq.write_table(pa.Table.from_pylist(ROWS), path.with_suffix(".parquet"))
    return path.with_suffix(".parquet")


KINDS = pytest.mark.parametrize("write", [as_csv, as_tsv, as_utf16, as_jsonl, as_ndjson_gz, as_parquet])


@KINDS
def test_a_table_of_files(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "a.png").write_bytes(b"A")
    (tmp_path / "secret").write_bytes(b"secret")
    table = write(tmp_path / "tables" / "list")
    reasons = ["No such file or directory", "lies outside the folder of the inputs"]
    assert loaded(Table(table, Columns("file"))) == [
        ("a.png", b"A"),
        ("lost.png", reasons[0]),
        ("../secret", reasons[1]),
    ]
    named = [name for name, _ in loaded(Table(table, Columns("file", id="name")))]
    assert named == ["007", "x,y", "z"]
    assert loaded(Table(table, Columns("file"), root=tmp_path))[0][1] == reasons[0]


@KINDS
def test_a_table_of_texts(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    table = write(tmp_path / "list")
    texts = [b"good mail", b'bad\n"mail"', b""]
    found = loaded(Table(table, Columns(None, "text")))
    assert found == [(f"{table.name}#{number}", text) for number, text in enumerate(texts, 1)]
    assert [name for name, _ in loaded(Table(table, Columns(None, "text", "name")))] == ["007", "x,y", "z"]
    assert [item.state for item in Table(table, Columns(None, "text"))] != [
        item.state for item in Table(table, Columns("file"))
    ]


def test_bytes_in_parquet_are_the_sample_itself(tmp_path: Path) -> None:
    pq.write_table(pa.table({"image": [b"\xff\xd8", None]}), tmp_path / "t.parquet")
    found = loaded(Table(tmp_path / "t.parquet", Columns(None, "image")))
    assert found == [("t.parquet#1", b"\xff\xd8"), ("t.parquet#2", b"")]


def test_an_id_that_occurs_twice_is_refused_at_the_end_of_the_first_pass(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("path,kind\na.png,x\nb.png,y\na.png,z\n")
    with pytest.raises(
        DataError, match=r"row 3 \(line 4\): the column 'path' holds 'a\.png' as row 1 does.*--id"
    ):
        list(Table(table, Columns()))
    assert len(list(Table(table, Columns(id="kind")))) == 3


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        (
            "t.csv",
            "paths\na\n",
            r"t\.csv has the columns paths, but --path names the column 'path'; did you mean 'paths'",
        ),
        ("t.csv", "path;b\na;b\n", r"separated by ';'.*--separator"),
        ("t.csv", "", "has the columns none at all"),
        ("t.csv", "path,b\na\n", r"row 1 \(line 2\): it has 1 value, the header 2"),
        ("t.csv", "path,path\na\n", "the column 'path' twice"),
        ("t.csv", 'path\n"a', r"row 1 \(line 2\): a quote opens here"),
        ("t.csv", "path\n\ud800\n", r"row 1 \(line 2\): the byte 0xed is not UTF-8"),
        ("t.jsonl", "[1]\n", "is not an object"),
        ("t.jsonl", '{"paths": "a"}\n', r"t\.jsonl has the columns paths, but"),
        ("t.jsonl", '{"path": ["a"]}\n', r"t\.jsonl, row 1 \(line 1\): the cell of 'path' is a list"),
        ("t.jsonl", '{"path": "b"}\n{"path": "a\\u0000b"}\n', r"row 2 \(line 2\) has the id 'a.x00b'"),
        ("t.jsonl", '{"path": "\\ud800"}\n', r"row 1 \(line 1\) has the id '.ud800', which is not UTF-8"),
        ("t.jsonl", '{"path": "a\\u0009b"}\n', r"has the id 'a.tb', which holds a control character"),
        ("t.parquet", "path\n", "cannot be read"),
        ("t.xlsx", "PK\3\4", "a damaged zip archive"),
        ("t.png", "path\n", r"tells no kind of table. Allowed: a folder, or \.csv"),
    ],
)
def test_a_table_that_cannot_be_used_says_why(tmp_path: Path, name: str, text: str, said: str) -> None:
    (tmp_path / name).write_bytes(text.encode(errors="surrogatepass"))
    with pytest.raises(DataError, match=said):
        list(Table(tmp_path / name, Columns()))


@pytest.mark.parametrize("name", [name for names in ODD_NAMES for name in names])
def test_any_name_that_a_source_takes_can_be_scored(tmp_path: Path, name: str) -> None:
    """CASES 15, 33: as a path, and as the name of a text, around which white space does not count."""
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / name).write_bytes(b"x")
    (tmp_path / "t.jsonl").write_text(json.dumps({"path": name, "text": "y"}))
    # A source takes a carriage return at the end, but no list of names does.
    given = (name, b"x") if "\r" not in name else (name.strip(), "No such file or directory")
    assert loaded(Table(tmp_path / "t.jsonl", Columns(), root=folder)) == [given]
    if name != "Icon\r":  # of macOS
        assert loaded(Folder(folder)) == [(name, b"x")]
    if name.strip():
        assert loaded(Table(tmp_path / "t.jsonl", Columns(None, "text", "path"))) == [(name.strip(), b"y")]


def test_a_path_names_a_file_with_white_space_or_in_another_normal_form_where_no_other_is_there(
    tmp_path: Path,
) -> None:
    """CASES 5, 15."""
    for number, name in enumerate(("a", " a", "\u00a0b", "caf\u00e9", "nai\u0308ve")):
        (tmp_path / name).write_bytes(b"%d" % number)
    (tmp_path / "t.csv").write_text("path\n a\n\u00a0b\ncafe\u0301\nna\u00efve\n")
    found = loaded(Table(tmp_path / "t.csv", Columns()))
    assert found == [("a", b"0"), ("\u00a0b", b"2"), ("cafe\u0301", b"3"), ("na\u00efve", b"4")]


def test_a_table_is_told_what_separates_its_columns_and_what_they_are_called(tmp_path: Path) -> None:
    """CASES 33."""
    (tmp_path / "list").write_text("7;a.png\n8;b.png\n")
    told = Columns("file", id="number", separator=";", header=("number", "file"))
    assert [(item.id, item.state) for item in Table(tmp_path / "list", told)] == [
        ("7", "a.png"),
        ("8", "b.png"),
    ]
    with pytest.raises(DataError, match="tells no kind of table"):
        list(Table(tmp_path / "list", Columns("file", header=("number", "file"))))


def test_rows_of_json_may_lack_what_others_have(tmp_path: Path) -> None:
    """CASES 10, 11, 14."""
    rows = [
        {"id": "a"},
        {"id": "b", "text": "one\u2028two\x85"},
        {"id": "c", "text": "\ud83d"},
        {"id": "d", "text": 1.5},
    ]
    (tmp_path / "t.jsonl").write_text(
        "\n".join(json.dumps(row, ensure_ascii=row["id"] == "c") for row in rows)
    )
    assert loaded(Table(tmp_path / "t.jsonl", Columns(None, "text", "id"))) == [
        ("a", b""),
        ("b", "one\u2028two".encode()),
        ("c", b"\xed\xa0\xbd"),
        ("d", b"1.5"),
    ]


def test_a_table_is_not_held_in_memory(tmp_path: Path) -> None:
    """10 MB of rows pass, less than 1 MB is in memory at a time."""
    (tmp_path / "t.csv").write_text("path\n" + "".join(f"{n:05000}\n" for n in range(2_000)))
    table = Table(tmp_path / "t.csv", Columns())
    tracemalloc.start()
    count = sum(1 for _ in table)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 2_000
    assert peak < 1_000_000
