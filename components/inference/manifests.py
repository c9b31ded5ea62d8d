"""A table of inputs: CSV, TSV, JSONL or Parquet, gone through row by row.

As in components.data.tables nothing is guessed: `007` stays `007`, and white space around a value does not count.
"""

import csv
import hashlib
import json
import sys
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from components.errors import DataError, meant
from components.inference.inputs import MAX_BYTES, Input, read_below
from components.storage.publish import sha256_bytes

SEPARATORS = {"csv": ",", "tsv": "\t"}
KINDS = ("csv", "tsv", "jsonl", "parquet")
ROWS = 256  # of a Parquet file, in memory at a time
Row = Mapping[str, object]


@dataclass(frozen=True)
class Columns:
    """Which column says what.

    Attributes:
        path: a file, relative to the table's folder. None: `content` says it.
        content: the sample itself: a text or, in Parquet, bytes.
        id: names the row in the output. None: its path, or `<file>#<number of the row>` for a content.
    """

    path: str | None = "path"
    content: str | None = None
    id: str | None = None

    def __post_init__(self) -> None:
        if (self.path is None) == (self.content is None):
            raise ValueError("either path or content")


class Table:
    """The rows of the table `file`; its files lie below `root` (by default the table's own folder)."""

    def __init__(self, file: Path, columns: Columns, root: Path | None = None) -> None:
        self.uri = str(file)
        self._file = file
        self._columns = columns
        self._root = (root or file.parent).resolve()

    def __iter__(self) -> Iterator[Input]:
        """Raises DataError where the table cannot be read, lacks a column, or names an input twice."""
        seen = array("Q")
        for number, row in enumerate(self._rows(), 1):
            made = self._input(row, number)
            seen.append(_short(made.id))
            yield made
        self._check_unique(np.frombuffer(seen, dtype=np.uint64))

    def _rows(self) -> Iterator[Row]:
        try:
            yield from _read(self._file, [c for c in self._names() if c])
        except OSError as error:
            raise DataError(f"{self._file} cannot be read: {error.strerror or error}.") from None
        except (csv.Error, ValueError, pa.ArrowException) as error:
            raise DataError(f"{self._file} cannot be read: {error}.") from None

    def _names(self) -> tuple[str | None, ...]:
        return self._columns.path, self._columns.content, self._columns.id

    def _input(self, row: Row, number: int) -> Input:
        columns = self._columns
        path = _text(row[columns.path]) if columns.path else ""
        name = _text(row[columns.id]) if columns.id else path or f"{self._file.name}#{number}"
        if not name or not name.isprintable():
            raise DataError(
                f"{self._file}: row {number} has the id {name!a}.", "Name a column of names by --id."
            )
        if columns.path:
            return Input(name, path, partial(self._load, path))
        value = row[columns.content or ""]
        payload = value if isinstance(value, bytes) else _text(value).encode(errors="surrogatepass")
        return Input(name, sha256_bytes(payload), partial(bytes, payload))

    def _load(self, path: str) -> bytes:
        if not path:
            raise DataError("the table names no file")
        return read_below(self._root, path)

    def _check_unique(self, seen: npt.NDArray[np.uint64]) -> None:
        """Raise DataError where an id occurs twice; equal hashes alone prove nothing."""
        values, counts = np.unique(seen, return_counts=True)
        suspects = set(values[counts > 1].tolist())
        known: set[str] = set()
        for number, row in enumerate(self._rows() if suspects else (), 1):
            name = self._input(row, number).id
            if _short(name) not in suspects:
                continue
            if name in known:
                column = self._columns.id or self._columns.path
                raise DataError(
                    f"{self._file}: the column {column!r} holds {name!r} twice; it names the rows of the output.",
                    "Make it unique, or name another column by --id.",
                )
            known.add(name)


def _read(file: Path, wanted: list[str]) -> Iterator[Row]:
    kind = file.suffix.lstrip(".").lower()
    if kind == "parquet":
        with pq.ParquetFile(file, pre_buffer=False) as table:
            _check_columns(file, table.schema_arrow.names, wanted)
            for batch in table.iter_batches(ROWS, columns=wanted):
                yield from batch.to_pylist()
    elif kind in SEPARATORS:
        yield from _separated(file, SEPARATORS[kind], wanted)
    elif kind == "jsonl":
        with file.open(encoding="utf-8-sig") as lines:
            for line in lines:
                if line.strip():
                    row = _object(line)
                    _check_columns(file, list(row), wanted)
                    yield row
    else:
        raise DataError(f"{file} is of no known kind.", f"Allowed: a folder, or .{', .'.join(KINDS)}.")


def _separated(file: Path, separator: str, wanted: list[str]) -> Iterator[Row]:
    csv.field_size_limit(min(MAX_BYTES, sys.maxsize))  # a long text is no mistake
    with file.open(encoding="utf-8-sig", newline="") as text:
        filled = (line for line in csv.reader(text, delimiter=separator, strict=True) if line)
        names = [name.strip() for name in next(filled, ())]
        _check_columns(file, names, wanted)
        for count, values in enumerate(filled, 1):
            if len(values) != len(names):
                raise ValueError(f"row {count} has {len(values)} values, the header {len(names)}")
            yield dict(zip(names, values, strict=True))


def _object(line: str) -> dict[str, object]:
    value = json.loads(line)
    if not isinstance(value, dict):
        raise ValueError(f"{line[:60]!r} is not an object")
    return value


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()


def _short(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest())


def _check_columns(file: Path, names: list[str], wanted: list[str]) -> None:
    for column in wanted:
        if column not in names:
            hint = meant(column, names) or "."
            raise DataError(
                f"{file} has no column {column!r}, but {', '.join(names) or 'none at all'}{hint}",
                "Name columns by --path, --content and --id.",
            )
