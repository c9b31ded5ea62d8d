"""A table of inputs, gone through row by row; components.data.tables reads it as it reads those of training."""

import hashlib
import os
import unicodedata
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from components.data.lines import Unreadable, unpacked
from components.data.tables import TableFile, TableRow
from components.errors import DataError
from components.inference.inputs import Input, read_below
from components.params.tables import KINDS, kind_of
from components.sources.base import unwritable
from components.storage.publish import sha256_bytes

ADVICE = "Name columns by --path, --content and --id, and what separates them by --separator."


@dataclass(frozen=True)
class Columns:
    """Which column says what.

    Attributes:
        path: a file, relative to the table's folder. None: `content` says it.
        content: the sample itself: a text or, in Parquet, bytes.
        id: names the row in the output. None: its path, or `<file>#<number of the row>` for a content.
        separator, header: of a CSV; see components.params.inputs.InputParams.
    """

    path: str | None = "path"
    content: str | None = None
    id: str | None = None
    separator: str | None = None
    header: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if (self.path is None) == (self.content is None):
            raise ValueError("either path or content")


class Table:
    """The rows of the table `file`; its files lie below `root` (by default the table's own folder).

    Attributes:
        columns: which says what.
        root: resolved.
    """

    def __init__(self, file: Path, columns: Columns, root: Path | None = None) -> None:
        self.uri = str(file)
        self.columns = columns
        self.root = (root or file.parent).resolve()
        self._file = file
        named = (("--path", columns.path), ("--content", columns.content), ("--id", columns.id))
        wanted = [(key, column) for key, column in named if column]
        form = (columns.separator, columns.header)
        self._table = TableFile(str(file), lambda: file.open("rb"), wanted, ADVICE, *form)

    def __iter__(self) -> Iterator[Input]:
        """Raises DataError where the table cannot be read, lacks a column, or names an input twice."""
        self._check_kind()
        seen = array("Q")
        for row in self._table.rows():
            given = self._input(row)
            seen.append(_short(given.id))
            yield given
        self._check_unique(np.frombuffer(seen, dtype=np.uint64))

    def _check_kind(self) -> None:
        """Any file could be a CSV, as its name is nobody's promise: a picture that was meant as the input is none."""
        if kind_of(self._file.name) or self.columns.separator:
            return
        try:
            with self._file.open("rb") as file:
                unpacked(file)
            reason = (
                f"its ending tells no kind of table. Allowed: a folder, or .{', .'.join(KINDS)}, also .gz"
            )
        except Unreadable as error:
            reason = str(error)
        except OSError as error:
            reason = error.strerror or str(error)
        raise DataError(f"{self._file} cannot be read: {reason}.")

    def _input(self, row: TableRow) -> Input:
        columns = self.columns
        path = self._path(row, columns.path) if columns.path else ""
        name = row.text(columns.id) if columns.id else path or f"{self._file.name}#{row.number}"
        if why := unwritable(name) if name else "is empty":
            raise DataError(
                f"{row.place} has the id {name!a}, which {why}.", "Name a column of names by --id."
            )
        if columns.path:
            return Input(name, path, partial(self._load, path))
        value = row.cells.get((columns.content or "").strip())
        payload = (
            value
            if isinstance(value, bytes)
            else row.text(columns.content or "").encode(errors="surrogatepass")
        )
        return Input(name, sha256_bytes(payload), partial(bytes, payload))

    def _path(self, row: TableRow, column: str) -> str:
        """The cell without white space around it, unless only the whole cell names a file."""
        path, whole = row.text(column), row.whole(column)
        if whole in ("", path) or unwritable(whole) or (path and self._is_there(path)):
            return path
        return whole if self._is_there(whole) else path

    def _load(self, path: str) -> bytes:
        """Composed and decomposed letters are equal where no file has just these."""
        if not path:
            raise DataError("the table names no file")
        forms = () if path.isascii() else (unicodedata.normalize(form, path) for form in ("NFC", "NFD"))
        return read_below(self.root, next((name for name in (path, *forms) if self._is_there(name)), path))

    def _is_there(self, name: str) -> bool:
        return os.path.lexists(self.root / name)

    def _check_unique(self, seen: npt.NDArray[np.uint64]) -> None:
        """Raise DataError where an id occurs twice; equal hashes alone prove nothing."""
        values, counts = np.unique(seen, return_counts=True)
        suspects = set(values[counts > 1].tolist())
        known: dict[str, int] = {}
        for row in self._table.rows() if suspects else ():
            name = self._input(row).id
            if _short(name) not in suspects:
                continue
            if name in known:
                column = self.columns.id or self.columns.path
                raise DataError(
                    f"{row.place}: the column {column!r} holds {name!r} as row {known[name]} does; it names the rows "
                    "of the output.",
                    "Make it unique, or name another column by --id.",
                )
            known[name] = row.number


def _short(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest())
