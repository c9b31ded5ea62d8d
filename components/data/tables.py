"""Tables: CSV and its like, JSON lines or Parquet in, rows out, one at a time. Training and scoring read by this.

Nothing is guessed: `007` stays `007`, a number in JSON is what stands there. White space around a cell or a column's
name does not count.
"""

import csv
import io
import json
import math
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from components.data.lines import LONGEST, Position, Unreadable, lines, refuse_excel_line, unpacked
from components.errors import DataError, meant
from components.params.data import Labels
from components.params.tables import WHITESPACE, kind_of, separator_of

ROWS = 256  # of a Parquet file, in memory at a time
NAMED = 20  # of more columns only so many are named
SPACE = re.compile(r"[ \t\v\f\r\n]+")
# What NaN is in JSON that Python wrote: no value.
CONSTANTS: Mapping[str, str | None] = {"NaN": None, "Infinity": "Infinity", "-Infinity": "-Infinity"}
WHOLE = "; this seems to be one JSON document, not an object a line: jq -c '.[]' OLD > NEW"
CELLS = "a cell is a text, a number, true, false or null"
QUOTES = {
    "unexpected end of data": "a quote opens here and never closes",
    "expected after": 'text follows a closing quote; within a quoted cell a quote is written twice ("")',
    "field larger": f"a cell has more than {LONGEST} characters",
}

Cells = Mapping[str, object]
# (What names it, such as `data.labels.label`; the column).
Wanted = Sequence[tuple[str, str]]


class TableRow(NamedTuple):
    """Attributes:
    table: its name.
    number: from 1; neither a header nor empty lines count.
    line: of the file, from 1, where the row begins; 0: it has no lines.
    """

    table: str
    number: int
    line: int
    cells: Cells

    @property
    def place(self) -> str:
        """For messages."""
        return f"{self.table}, {Position(self.number, self.line)}"

    def text(self, column: str) -> str:
        """A cell without white space around it; "" where there is none. DataError for what is no text."""
        value = self.cells.get(column.strip())
        if isinstance(value, str):
            return value.strip()
        match value:
            case None:
                return ""
            case bool():
                return str(value).lower()
            case float() if math.isnan(value):
                return ""
            case bytes() | list() | dict():
                return self._odd(column, value)
            case _:
                return str(value)

    def whole(self, column: str) -> str:
        """A text with the white space around it, which may be a file's name; "" for what is no text."""
        value = self.cells.get(column.strip())
        return value if isinstance(value, str) else ""

    def name(self, column: str) -> str:
        """A text that can be written: half of a surrogate pair, which JSON can hold, is a DataError."""
        found = self.text(column)
        if "\0" in found:
            raise DataError(
                f"{self.place}: the cell of {column!r} is {found[:60]!a}, with a NUL in it.",
                "Correct it in the table; a program that ends texts with NUL may have written it.",
            )
        if found.isascii():
            return found
        try:
            found.encode()
        except UnicodeEncodeError:
            raise DataError(
                f"{self.place}: the cell of {column!r} is {found!a}, with half of a character (a lone surrogate).",
                "Correct it in the table.",
            ) from None
        return found

    def _odd(self, column: str, value: object) -> str:
        if isinstance(value, bytes):
            try:
                return value.decode().strip()
            except UnicodeDecodeError:
                shown = "bytes that are not UTF-8"
        else:
            shown = f"{'a list' if isinstance(value, list) else 'an object'}: {str(value)[:60]}"
        raise DataError(f"{self.place}: the cell of {column!r} is {shown}.", f"Write one value: {CELLS}.")


@dataclass(frozen=True)
class TableFile:
    """A table that can be read again and again, by rows, without being held.

    Attributes:
        name: for messages; its ending says what kind it is.
        open: its bytes, from the beginning. They can be sought in.
        wanted: the columns that are used.
        advice: where to say what its columns are.
        optional: columns that are used where they are there.
        separator, header: see `components.params.data.Labels`.
    """

    name: str
    open: Callable[[], BinaryIO]
    wanted: Wanted
    advice: str
    separator: str | None = None
    header: Sequence[str] = ()
    optional: Sequence[str] = ()

    def rows(self) -> Iterator[TableRow]:
        """DataError where the table cannot be read, or no row has a wanted column."""
        position = Position()
        try:
            if kind_of(self.name) == "lines of JSON":
                self._check_keys(position)
            with self.open() as file:
                for cells in self._cells(file, position):
                    yield TableRow(self.name, position.row, position.line, cells)
        except Unreadable as error:
            raise self._refusal(position, str(error)) from None
        except (OSError, EOFError, zlib.error, pa.ArrowException, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else None
            raise self._refusal(position, reason or str(error)) from None

    def _refusal(self, position: Position, reason: str) -> DataError:
        where = f"{position}: " if position.line or position.row else ""
        return DataError(f"{self.name} cannot be read: {where}{reason.rstrip('.')}.")

    def _cells(self, file: BinaryIO, position: Position) -> Iterator[Cells]:
        kind = kind_of(self.name)
        if kind == "Parquet":
            return self._parquet(file, position)
        if kind == "lines of JSON":
            return _objects(lines(unpacked(file), position, "\n"), position)
        separator = separator_of(self.name, self.separator)
        texts = lines(unpacked(file), position, "")
        return self._separated(
            _spaced(texts, position) if separator == WHITESPACE else _quoted(texts, position, separator),
            position,
        )

    def _separated(self, records: Iterable[Sequence[str]], position: Position) -> Iterator[Cells]:
        filled = (record for record in records if record)
        names = [name.strip() for name in self.header or next(filled, ())]
        refuse_excel_line(names)
        _check_unique(names)
        self._check_columns(names)
        position.row = 1
        for values in filled:
            if len(values) != len(names):
                comma = "; a cell with a separator in it needs quotes" if len(values) > len(names) else ""
                raise Unreadable(
                    f"it has {len(values)} value{'s' * (len(values) > 1)}, the header {len(names)}{comma}"
                )
            yield dict(zip(names, values, strict=True))
            position.row += 1

    def _parquet(self, file: BinaryIO, position: Position) -> Iterator[Cells]:
        with pq.ParquetFile(file, pre_buffer=False) as table:
            names = {name: name.strip() for name in table.schema_arrow.names}
            _check_unique([name.strip() for name in table.schema_arrow.names])
            self._check_columns(list(names.values()))
            used = {column.strip() for column in (*self.optional, *(column for _, column in self.wanted))}
            read = [name for name, bare in names.items() if bare in used]
            position.row = 1
            for batch in table.iter_batches(ROWS, columns=read):
                for record in batch.to_pylist():
                    yield {names[name]: value for name, value in record.items()}
                    position.row += 1

    def _check_keys(self, position: Position) -> None:
        """Keys may be missing from a row, but not from all: so many rows are read as it takes to see each."""
        left, seen = {column.strip() for _, column in self.wanted}, dict[str, None]()
        with self.open() as file:
            for cells in self._cells(file, position):
                left -= cells.keys()
                if not left:
                    break
                seen.update(dict.fromkeys(cells))
        if left and seen:
            self._check_columns(list(seen))
        position.row = position.line = 0

    def _check_columns(self, names: Sequence[str]) -> None:
        wrong = [
            f"{key} names the column {column!r}{meant(column, names)}"
            for key, column in self.wanted
            if column.strip() not in names
        ]
        if wrong:
            more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
            held = ", ".join(f"{name!a}" if not name.isprintable() else name for name in names[:NAMED])
            other = next((s for s in ";\t|," if len(names) == 1 and s in names[0]), None)
            hint = f" Its columns seem to be separated by {other!r}." if other else ""
            message = f"{self.name} has the columns {held or 'none at all'}{more}, but {'; '.join(wrong)}"
            end = "" if message.endswith("?") else "."
            raise DataError(f"{message}{end}{hint}", self.advice)


def read_table(payload: bytes, labels: Labels) -> list[TableRow]:
    """The rows of the table that `labels` describes; DataError where it cannot be read, or has none."""
    rows = list(described(labels, lambda: io.BytesIO(payload)).rows())
    if not rows:
        raise DataError(f"{labels.file} has no rows.")
    return rows


def described(labels: Labels, opened: Callable[[], BinaryIO]) -> TableFile:
    """The table that `labels` describes, with the columns that they name."""
    named = [(f"data.labels.{key}", column) for key, column in columns(labels)]
    advice = "Write its columns' names, and what separates them, below data.labels in params.yaml."
    return TableFile(labels.file, opened, named, advice, labels.separator, labels.header, (labels.path,))


def columns(labels: Labels) -> list[tuple[str, str]]:
    """(key of data.labels, column) of all columns that params name."""
    single = ("text" if labels.text else "path", "group", "domain", "split")
    named = [(key, getattr(labels, key)) for key in single]
    named[1:1] = [("label", column) for column in labels.label_columns]
    return [(key, column) for key, column in named if column] + [("slices", c) for c in labels.slices]


def _quoted(texts: Iterator[str], position: Position, separator: str) -> Iterator[Sequence[str]]:
    csv.field_size_limit(LONGEST)  # a long text is no mistake
    reader = csv.reader(texts, delimiter=separator, strict=True)
    while True:
        position.line = reader.line_num + 1
        try:
            record = next(reader, None)
        except csv.Error as error:
            known = (message for words, message in QUOTES.items() if words in str(error))
            raise Unreadable(next(known, str(error))) from None
        if record is None:
            return
        yield record


def _spaced(texts: Iterator[str], position: Position) -> Iterator[Sequence[str]]:
    for position.line, text in enumerate(texts, 1):
        yield [value for value in SPACE.split(text) if value]


def _objects(texts: Iterator[str], position: Position) -> Iterator[Cells]:
    position.row = 1
    for position.line, text in enumerate(texts, 1):
        if not text.strip():
            continue
        try:
            value = DECODER.decode(text.strip(" \t\r\n"))
        except json.JSONDecodeError as error:
            hint = WHOLE if position.row == 1 and text.strip() in ("[", "{") else ""
            raise Unreadable(f"{error.msg} at character {error.colno}{hint}") from None
        except RecursionError:
            raise Unreadable("its lists or objects are nested too deeply") from None
        if not isinstance(value, dict):
            hint = WHOLE if isinstance(value, list) and position.row == 1 else ""
            raise Unreadable(f"{text.strip()[:60]!r} is not an object; write one object a line{hint}")
        yield value
        position.row += 1


def _pairs(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    cells = {name.strip(): value for name, value in pairs}
    if len(cells) < len(pairs):
        _check_unique([name.strip() for name, _ in pairs])
    return cells


def _check_unique(names: Sequence[str]) -> None:
    """Columns without a name cannot be meant, so there may be several."""
    twice = next((name for name, count in Counter(names).items() if name and count > 1), None)
    if twice is not None:
        raise Unreadable(f"it has the column {twice!r} twice: rename one")


# Numbers stay as they are written: 1.10 is no 1.1, and no digit of a long id is lost.
DECODER = json.JSONDecoder(
    parse_float=str, parse_int=str, parse_constant=CONSTANTS.__getitem__, object_pairs_hook=_pairs
)
