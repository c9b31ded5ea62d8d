import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.data.tables import read_table
from components.errors import DataError
from components.params.data import Labels


def parquet(**columns: list[object]) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


def test_csv_guesses_nothing() -> None:
    rows = read_table('\ufeffpath,label,x\n a.png ,007,\n"b,1.png",1.0,y\n'.encode(), Labels())
    assert rows == [{"path": "a.png", "label": "007", "x": ""}, {"path": "b,1.png", "label": "1.0", "x": "y"}]


def test_whitespace_and_own_header() -> None:
    labels = Labels(separator="whitespace", header=("path", "p", "type"), label="p")
    rows = read_table(b"a.png  1.0                 mono\nb.png\t0.3333 poly\n\n", labels)
    assert rows[1] == {"path": "b.png", "p": "0.3333", "type": "poly"}
    assert len(rows) == 2


def test_parquet_and_jsonl_say_the_same() -> None:
    one = read_table(parquet(path=["a", "b"], label=[1, None]), Labels(file="t.parquet"))
    two = read_table(b'{"path": "a", "label": 1}\n\n{"path": "b", "label": null}\n', Labels(file="t.jsonl"))
    assert one == two == [{"path": "a", "label": "1"}, {"path": "b", "label": ""}]


@pytest.mark.parametrize(
    ("payload", "file"),
    [
        (b"path,label\na\n", "t.csv"),
        (b'path,label\n"a,b\n', "t.csv"),
        (b"\xff\xfe", "t.csv"),
        (b"not parquet", "t.parquet"),
        (b"{", "t.jsonl"),
        (b"[1]", "t.jsonl"),
    ],
)
def test_damaged_tables_are_refused(payload: bytes, file: str) -> None:
    with pytest.raises(DataError, match=f"{file} cannot be read"):
        read_table(payload, Labels(file=file))


def test_an_empty_table_is_refused() -> None:
    with pytest.raises(DataError, match="has no rows"):
        read_table(b"path,label\n", Labels())


def test_all_missing_columns_are_named_with_the_nearest() -> None:
    labels = Labels(label="lable", slices=("typ",))
    with pytest.raises(DataError) as caught:
        read_table(b"path,label,type\na,1,x\n", labels)
    assert "data.labels.label names the column 'lable'; did you mean 'label'?" in str(caught.value)
    assert "data.labels.slices names the column 'typ'; did you mean 'type'?" in str(caught.value)
