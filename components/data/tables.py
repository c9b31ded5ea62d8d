"""Labels files and manifests: CSV, Parquet or JSONL in, rows of strings out.

CSV and JSONL are read by the standard library and nothing is guessed: `007` stays `007`.
"""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from components.errors import DataError, meant
from components.params.data import Labels

Row = Mapping[str, str]


def read_table(payload: bytes, labels: Labels) -> list[Row]:
    """The rows of the table that `labels` describes; DataError where it cannot be read."""
    try:
        rows = list(_rows(payload, labels))
    except (UnicodeDecodeError, csv.Error, ValueError, pa.ArrowException) as error:
        raise DataError(
            f"{labels.file} cannot be read: {error}.", "See data.labels in params.yaml."
        ) from None
    if not rows:
        raise DataError(f"{labels.file} has no rows.")
    _check_columns(rows[0], labels)
    return rows


def columns(labels: Labels) -> list[tuple[str, str]]:
    """(key of data.labels, column) of all columns that params name."""
    keys = ("text" if labels.text else "path", "label", "group", "domain", "split")
    named = [(key, getattr(labels, key)) for key in keys]
    return [(key, column) for key, column in named if column] + [("slices", c) for c in labels.slices]


def _rows(payload: bytes, labels: Labels) -> Iterator[Row]:
    kind = labels.file.rsplit(".", 1)[-1].lower()
    if kind == "parquet":
        for record in pq.read_table(pa.BufferReader(payload)).to_pylist():
            yield {name: _text(value) for name, value in record.items()}
    elif kind in ("jsonl", "ndjson"):
        for line in payload.decode("utf-8-sig").splitlines():
            if line.strip():
                yield {name: _text(value) for name, value in _object(line).items()}
    else:
        yield from _separated(payload.decode("utf-8-sig"), labels)


def _separated(text: str, labels: Labels) -> Iterator[Row]:
    lines: Iterator[Sequence[str]]
    if labels.separator == "whitespace":
        lines = (line.split() for line in text.splitlines())
    else:
        csv.field_size_limit(len(text) + 1)  # a long text is no mistake
        lines = iter(csv.reader(io.StringIO(text, newline=""), delimiter=labels.separator, strict=True))
    filled = (line for line in lines if line)
    names = list(labels.header) or list(next(filled, ()))
    for count, values in enumerate(filled, 1):
        if len(values) != len(names):
            raise ValueError(f"row {count} has {len(values)} values, the header {len(names)}")
        yield dict(zip(names, (value.strip() for value in values), strict=True))


def _object(line: str) -> dict[str, object]:
    value = json.loads(line)
    if not isinstance(value, dict):
        raise ValueError(f"{line[:60]!r} is not an object")
    return value


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()


def _check_columns(row: Row, labels: Labels) -> None:
    wrong = []
    for key, column in columns(labels):
        if column not in row:
            wrong.append(f"data.labels.{key} names the column {column!r}{meant(column, row)}")
    if wrong:
        raise DataError(
            f"{labels.file} has the columns {', '.join(row)}, but {'; '.join(wrong)}",
            "Write its columns' names below data.labels in params.yaml.",
        )
