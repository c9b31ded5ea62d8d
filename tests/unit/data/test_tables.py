"""Tables as exports write them: what is read, what is refused, and that every message says where."""

import contextlib
import csv
import gzip
import io
import json
import zipfile
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.data import lines
from components.data.tables import TableFile, read_table
from components.errors import DataError
from components.params.data import Labels

CSV = b"path,label\na.png,cat\nb.png,dog\n"
READ = [{"path": "a.png", "label": "cat"}, {"path": "b.png", "label": "dog"}]


def parquet(**columns: list[object]) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


def read(payload: bytes, **labels: object) -> list[dict[str, str]]:
    rows = read_table(payload, Labels.model_validate(labels))
    return [{name: row.text(name) for name in row.cells} for row in rows]


def refusal(payload: bytes, **labels: object) -> str:
    with pytest.raises(DataError) as caught:
        read(payload, **labels)
    return str(caught.value)


def test_csv_guesses_nothing() -> None:
    rows = read('\ufeffpath,label,x\n a.png ,007,\n"b,1.png",1.0,y\n'.encode())
    assert rows == [{"path": "a.png", "label": "007", "x": ""}, {"path": "b,1.png", "label": "1.0", "x": "y"}]


def test_whitespace_and_own_header() -> None:
    rows = read(
        "a.png  1.0                 mono\nb\u202fc.png\t0.3333 poly\n\n".encode(),
        separator="whitespace",
        header=("path", "p", "type"),
        label="p",
    )
    assert rows[1] == {"path": "b\u202fc.png", "p": "0.3333", "type": "poly"}
    assert len(rows) == 2


@pytest.mark.parametrize(
    ("name", "separator", "between"),
    [
        ("t.tsv", None, "\t"),
        ("T.TSV.GZ", None, "\t"),
        ("t.tsv", ";", ";"),
        ("t.csv", "tab", "\t"),
        ("t.csv", r"\t", "\t"),
        ("t.csv", "\t", "\t"),
        ("t.txt", "|", "|"),
        ("t", "¦", "¦"),
        ("t.csv", None, ","),
    ],
)
def test_what_separates_columns(name: str, separator: str | None, between: str) -> None:
    payload = CSV.decode().replace(",", between).encode()
    given = {} if separator is None else {"separator": separator}
    assert read(payload, file=name, **given) == READ


def test_parquet_and_jsonl_say_the_same() -> None:
    one = read(parquet(path=["a", "b"], label=[1, None], new=[True, False]), file="t.parquet", group="new")
    two = read(
        b'{"path": "a", "label": 1, "new": true}\n\n{"path": "b", "label": null, "new": false}\n',
        file="t.jsonl",
    )
    assert one == two
    assert one == [{"path": "a", "label": "1", "new": "true"}, {"path": "b", "label": "", "new": "false"}]


def test_a_number_in_json_is_what_stands_there() -> None:
    numbers = ["1.10", "1e1", "12345678901234567890123", "1.0", "-0", "9" * 5000]
    lines_of = "".join(f'{{"path": "a", "label": {number}}}\n' for number in numbers)
    assert [row["label"] for row in read(lines_of.encode(), file="t.ndjson")] == numbers
    assert read(b'{"path": "a", "label": NaN}', file="t.jsonl") == [{"path": "a", "label": ""}]
    assert read(parquet(path=["a"], label=[float("nan")]), file="t.parquet")[0]["label"] == ""


def test_bytes_in_parquet_may_be_text() -> None:
    assert read(parquet(path=[b"a.png"], label=["x"]), file="t.parquet")[0]["path"] == "a.png"
    assert "t.parquet, row 1: the cell of 'path' is bytes that are not UTF-8" in refusal(
        parquet(path=[b"\xff"], label=["x"]), file="t.parquet"
    )


def test_keys_may_be_missing_from_rows_of_json_but_not_from_all() -> None:
    """CASES 10."""
    payload = b'{"path": "a"}\n{"path": "b", "label": "x", "camera": "1"}\n{"camera": "2"}\n'
    labels = Labels(file="t.jsonl", slices=("camera",))
    rows = read_table(payload, labels)
    cells = [tuple(row.text(column) for column in ("path", "label", "camera")) for row in rows]
    assert cells == [("a", "", ""), ("b", "x", "1"), ("", "", "2")]
    message = refusal(payload, file="t.jsonl", label="lable")
    assert "t.jsonl has the columns path, label, camera" in message
    assert "data.labels.label names the column 'lable'; did you mean 'label'?" in message


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85", "\x0b", "\x1c", "\x0c"])
def test_only_line_ends_end_lines(separator: str) -> None:
    """CASES 14."""
    text = f"one{separator}two"
    for ascii_only in (False, True):
        line = json.dumps({"path": text, "label": "x"}, ensure_ascii=ascii_only)
        payload = f"{line}\r\n{line}\n".encode()
        assert [row["path"] for row in read(payload, file="t.jsonl")] == [text, text]
    assert read(f"path,label\n{text},x\n".encode())[0]["path"] == text
    assert "t.jsonl cannot be read: row 2 (line 4): Expecting" in refusal(
        f'\n{{"path": "{text}"}}\n\n{{"path"\n'.encode()
        if separator.isprintable()
        else b'\n{"path":"a"}\n\n{"path"\n',
        file="t.jsonl",
    )


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_of_a_csv_end_in_three_ways(end: str) -> None:
    assert read(CSV.decode().replace("\n", end).encode()) == READ


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("packed", [False, True])
def test_marks_and_gzip_are_followed(encoding: str, packed: bool) -> None:
    """CASES 24."""
    payload = CSV.decode().replace("cat", "Kätzchen").encode(encoding)
    payload = gzip.compress(payload) if packed else payload
    assert [row["label"] for row in read(payload, file=f"t.csv{'.gz' * packed}")] == ["Kätzchen", "dog"]
    whole = json.dumps(READ[0], ensure_ascii=False).encode(encoding)
    assert read(gzip.compress(whole) if packed else whole, file="t.jsonl") == READ[:1]


def workbook(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name in names:
            file.writestr(name, "x")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("payload", "name", "expected"),
    [
        (workbook("[Content_Types].xml", "xl/workbook.xml"), "t.csv", "an Excel workbook (.xlsx), not text: save it"),
        (workbook("content.xml"), "t.csv", "an OpenDocument file (.ods)"),
        (workbook("t.csv"), "t.zip", "a zip archive, not text: unpack it"),
        (b"PK\x03\x04", "t.csv", "a damaged zip archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "t.csv", "an old Office file (.xls), not text: save it as CSV"),
        (parquet(path=["a"], label=["b"]), "t.csv", "it is Parquet, not text: name it .parquet"),
        (b"\x28\xb5\x2f\xfd", "t.csv.zst", "compressed by Zstandard"),
        (CSV.decode().encode("utf-16-le"), "t.csv", "looks like UTF-16LE without a byte-order mark: iconv -f UTF-16LE"),
        (CSV.decode().encode("utf-16-be"), "t.jsonl", "looks like UTF-16BE"),
        (gzip.compress(CSV)[:-9], "t.csv.gz", "ended before the end-of-stream marker"),
        (b"\x1f\x8b\x08" + bytes(20), "t.csv.gz", "cannot be read"),
        (CSV.decode().encode("utf-16")[:-1], "t.csv", "its utf-16 is damaged"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",  # archives hold the time: each process has other bytes
)  # fmt: skip
def test_what_is_no_text_is_named(payload: bytes, name: str, expected: str) -> None:
    """CASES 24."""
    message = refusal(payload, file=name)
    assert message.startswith(f"{name} cannot be read: ")
    assert expected in message


def test_another_encoding_is_named_by_what_it_would_say() -> None:
    """CASES 24, 25."""
    payload = "path,label\na,x\nb,café crème\n".encode("cp1252")
    message = refusal(payload)
    assert "labels.csv cannot be read: row 2 (line 3): the byte 0xe9 is not UTF-8" in message
    assert "read as Windows-1252 it says 'b,café crème'" in message
    assert "iconv -f CP1252 -t UTF-8" in message
    both = b'{"path": "a", "label": "x"}\n\n{"path": "caf\xe9"}\n'
    assert "t.jsonl cannot be read: row 2 (line 3): the byte 0xe9" in refusal(both, file="t.jsonl")
    assert "the header (line 1): the byte 0x94" in refusal("größe,label\n".encode("cp437"))


@pytest.mark.parametrize(
    ("payload", "file", "expected"),
    [
        (b"path,label\n\na\n", "t.csv", "row 1 (line 3): it has 1 value, the header 2"),
        (b'path,label\n"a\nb",x\na,b,c\n', "t.csv", "row 2 (line 4): it has 3 values, the header 2; a cell with"),
        (b'path,label\na,b\n"a,b\nc,d\n', "t.csv", "row 2 (line 3): a quote opens here and never closes"),
        (b'path,label\na,b\n"a\n" b,c\n', "t.csv", "row 2 (line 3): text follows a closing quote"),
        (b'path,"label\n', "t.csv", "the header (line 1): a quote opens here"),
        (b"not parquet", "t.parquet", "t.parquet cannot be read: "),
        (b"{", "t.jsonl", "row 1 (line 1): Expecting property name enclosed in double quotes at character 2; this"),
        (b'[\n{"path": 1}\n]', "t.jsonl", "one JSON document, not an object a line: jq -c"),
        (b"[\n  1\n]", "t.json", "one JSON document, not an object a line: jq -c"),
        (b"[1]", "t.jsonl", "row 1 (line 1): '[1]' is not an object"),
        (b'[{"path": "a"}]', "t.jsonl", "write one object a line; this seems to be one JSON document, not an object a"),
        (b"sep=;\npath;label\na;1\n", "t.csv", "the header (line 1): it is Excel's line 'sep=;', which says what"),
        (b"sep=,\npath,label\na,1\n", "t.csv", "it is Excel's line 'sep=', which says what separates"),
        (b'{"path": "a"}\n{"path": "a}', "t.jsonl", "row 2 (line 2): Unterminated string starting at at character 10"),
        (b'{"path": ' + b"[" * 200_000, "t.jsonl", "nested too deeply"),
    ],
)  # fmt: skip
def test_damaged_tables_say_where(payload: bytes, file: str, expected: str) -> None:
    """CASES 25."""
    message = refusal(payload, file=file)
    assert f"{file} cannot be read" in message
    assert expected in message


def test_a_line_without_an_end_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LONGEST", 20)
    assert "row 2 (line 3): the line has more than 20 characters" in refusal(CSV.replace(b"dog", b"dog" * 9))


def test_an_empty_table_is_refused() -> None:
    assert "has no rows" in refusal(b"path,label\n")
    assert "has no rows" in refusal(b"\n", file="t.jsonl")
    assert "has the columns none at all" in refusal(b"")


@pytest.mark.parametrize(
    ("payload", "file"),
    [
        (b"path,label, label \na,x,y\n", "t.csv"),
        (b'{"path": "a", "label": "x"}\n{"path": "a", "label": "x", "label": "y"}\n', "t.jsonl"),
    ],
)
def test_a_column_twice_is_refused(payload: bytes, file: str) -> None:
    """CASES 7."""
    assert "it has the column 'label' twice: rename one" in refusal(payload, file=file)


def test_columns_twice_in_parquet_and_columns_without_a_name() -> None:
    """CASES 7: pandas writes its index without a name, a spreadsheet its empty columns."""
    table = pa.Table.from_arrays([pa.array(["a"])] * 3, names=["path", "label", "label"])
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    assert "the column 'label' twice" in refusal(buffer.getvalue(), file="t.parquet")
    assert read(b",path,label,,\n0,a,x,,\n")[0]["label"] == "x"


@pytest.mark.parametrize(
    ("label", "kind"), [(["ham"], "a list: ['ham']"), ({"is": "ham"}, "an object: {'is': 'ham'}")]
)
def test_a_label_is_one_value(label: object, kind: str) -> None:
    """CASES 7."""
    payload = b"\n".join(json.dumps({"path": "a", "label": cell}).encode() for cell in ("x", label))
    message = refusal(payload, file="t.jsonl")
    assert message.startswith(f"t.jsonl, row 2 (line 2): the cell of 'label' is {kind}.")
    assert "row 2: the cell of 'label' is" in refusal(
        parquet(path=["a", "a"], label=[None, label]), file="t.parquet"
    )


def test_headers_are_stripped_as_cells_are() -> None:
    """CASES 26."""
    assert read(b"path , label\na, x\n") == [{"path": "a", "label": "x"}]
    assert read(b"path, label\na, x\n", label=" label")[0]["label"] == "x"
    assert read(b"a, x\n", header=("path ", " label")) == [{"path": "a", "label": "x"}]
    assert read(b'{" path": "a", "label ": "x"}', file="t.jsonl") == [{"path": "a", "label": "x"}]
    assert read(parquet(**{" path": ["a"], "label ": ["x"]}), file="t.parquet") == [
        {"path": "a", "label": "x"}
    ]


def test_all_missing_columns_are_named_with_the_nearest() -> None:
    message = refusal(b"path,label,type\na,1,x\n", label="lable", slices=("typ",))
    assert "data.labels.label names the column 'lable'; did you mean 'label'?" in message
    assert "data.labels.slices names the column 'typ'; did you mean 'type'?" in message
    assert message.endswith(
        "mean 'type'? Write its columns' names, and what separates them, below data.labels in params.yaml."
    )
    hint = (
        "names the column 'label'; did you mean 'path;label'? Its columns seem to be separated by ';'. Write"
    )
    assert hint in refusal(b"path;label\na;1\n")


def test_a_label_with_nul_is_no_class() -> None:
    for name, payload in {
        "t.csv": b"path,label\na,x\0\n",
        "t.jsonl": b'{"path": "a", "label": "x\\u0000"}',
    }.items():
        (row,) = read_table(payload, Labels(file=name))
        with pytest.raises(
            DataError, match=r"row 1 \(line \d\): the cell of 'label' is 'x\\x00', with a NUL"
        ):
            row.name("label")


# Any text that UTF-8 can hold, and what is hard in it.
CELL = st.text(
    st.one_of(st.characters(codec="utf-8"), st.sampled_from(list(',;\t|"\'\\\r\n\0 \u2028\u2029\x85\ufeff\u00a0\x1c')))
)  # fmt: skip
ROWS = st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=6)
NAMES = ("a", "b c", 'd,"e')


def _back(payload: bytes, file: str, separator: str | None = None) -> list[tuple[str, ...]]:
    wanted = [("test", name) for name in NAMES]
    table = TableFile(file, lambda: io.BytesIO(payload), wanted, "", separator)
    return [tuple(row.text(name) for name in NAMES) for row in table.rows()]


def _stripped(rows: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    return [tuple(cell.strip() for cell in row) for row in rows]


@given(
    rows=ROWS,
    separator=st.sampled_from([",", ";", "\t", "|"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    end=st.sampled_from(["\r\n", "\n\r"]),
    packed=st.booleans(),
)
def test_whatever_csv_wrote_is_read(
    rows: list[tuple[str, ...]], separator: str, quoting: int, end: str, packed: bool
) -> None:
    """`\\n\\r` as an end makes the writer quote both characters; what it leaves are empty lines, which do not count."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=separator, quoting=quoting, lineterminator=end)  # type: ignore[arg-type]
    writer.writerows([NAMES, *rows])
    payload = out.getvalue().encode()
    assert _back(gzip.compress(payload) if packed else payload, "t.csv", separator) == _stripped(rows)


@given(ROWS, st.booleans(), st.sampled_from(["\n", "\r\n", "\n\n"]))
def test_whatever_json_wrote_is_read(rows: list[tuple[str, ...]], ascii_only: bool, end: str) -> None:
    written = [json.dumps(dict(zip(NAMES, row, strict=True)), ensure_ascii=ascii_only) for row in rows]
    assert _back(end.join(written).encode(), "t.jsonl") == _stripped(rows)


@given(st.lists(st.tuples(*[st.one_of(st.none(), st.text(st.characters()))] * 3), min_size=1, max_size=5))
def test_halves_of_characters_and_nulls_in_json_are_read(rows: list[tuple[str | None, ...]]) -> None:
    """CASES 11."""
    written = [json.dumps(dict(zip(NAMES, row, strict=True))) for row in rows]
    # Two halves beside each other are one character to every reader of JSON.
    whole = [[_joined(cell or "") for cell in row] for row in rows]
    assert _back("\n".join(written).encode(), "t.jsonl") == _stripped(whole)


def test_halves_of_characters_in_utf16_are_read() -> None:
    """CASES 11: they are no bytes that are not UTF-8."""
    payload = "path,label\na\udc80,x\n".encode("utf-16", "surrogatepass")
    assert read(payload)[0]["path"] == "a\udc80"


def _joined(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


@given(st.binary(max_size=200), st.sampled_from(["t.csv", "t.jsonl", "t.parquet", "t.tsv.gz", "t"]))
def test_any_bytes_are_rows_or_a_data_error(payload: bytes, name: str) -> None:
    table = TableFile(name, lambda: io.BytesIO(payload), [("--path", "a")], "")
    with contextlib.suppress(DataError):
        list(table.rows())
