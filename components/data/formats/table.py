"""Formats whose labels stand in a table: `data.labels` says which, and what its columns mean."""

import json
import posixpath
from collections.abc import Callable, Iterable, Sequence, Set
from functools import partial
from typing import TYPE_CHECKING, BinaryIO

from components.data.formats.base import Files, Item, Listing
from components.data.likeness import Names
from components.errors import DataError, meant
from components.params.data import DataParams, Labels
from components.params.tables import kind_of
from components.sources.base import Entry

if TYPE_CHECKING:
    from components.data.tables import TableRow

OFFERS = ("columns", "several labels")
# Of a table so much is looked at early: 0.3 s.
ROWS, LETTERS = 20_000, 20_000_000
NAMED = 5  # of more files only so many are named


class Format:
    """A row is a sample: a file at the source, or, with `data.labels.text`, the text in a cell."""

    by_path = False

    def __init__(self, data: DataParams, kind: str) -> None:
        self._labels = data.labels

    def look(self, paths: Sequence[str], open_file: Callable[[str], BinaryIO]) -> Listing | None:
        from components.data.tables import described

        labels = self._labels
        check_table(labels.file, paths)
        rows: list[TableRow] = []
        letters, whole = 0, True
        for row in described(labels, partial(open_file, labels.file)).rows():
            rows.append(row)
            letters += sum(len(cell) for cell in row.cells.values() if isinstance(cell, str))
            if len(rows) == ROWS or letters > LETTERS:
                whole = False
                break
        if not rows:
            raise DataError(f"{labels.file} has no rows.")
        # The classes of a longer table are known where params declare them; else the stage says the rest.
        return self._listing(rows, paths, whole) if whole or labels.classes else None

    def read(self, paths: Sequence[str], files: Files) -> Listing:
        from components.data.tables import read_table

        check_table(self._labels.file, paths)
        return self._listing(read_table(files.read(self._labels.file), self._labels), paths)

    def _listing(self, rows: Sequence["TableRow"], paths: Sequence[str], whole: bool = True) -> Listing:
        labels, names = self._labels, Names(paths)
        items = [_item(row, _place(row, names, labels), labels) for row in rows]
        payloads = None if labels.text is None else _texts(items, rows, labels)
        return Listing(items, (labels.file,), payloads=payloads, whole=whole)

    def evidence(self, entries: Iterable[Entry]) -> Set[tuple[str, str]]:
        """The table's digest: one that got only rows without a label counts as changed, too."""
        name = self._labels.file
        return {(name, next((entry.sha256 for entry in entries if entry.path == name), ""))}


def check_table(name: str, paths: Sequence[str]) -> None:
    """Raises DataError where `name`, which data.labels.file says, is none of the source's files."""
    if name in paths:
        return
    tables = sorted(path for path in paths if kind_of(path))
    near = meant(name, tables)
    shown = ", ".join(tables[:NAMED]) + (f" and {len(tables) - NAMED} more" if len(tables) > NAMED else "")
    there = "" if near else f"; its tables: {shown}" if shown else "; it holds no table"
    raise DataError(
        f"data.labels.file is {name!r}, which is not at the source{near or there}{'' if near else '.'}",
        "Correct it in params.yaml; a file that has come since: python -m components refresh",
    )


def label_of(row: "TableRow", labels: Labels) -> str:
    """As written. Of several columns a JSON list of the cells, or, where none says anything, what an empty cell says.

    A cell that holds `data.labels.unlabelled` says nothing.
    """
    if isinstance(labels.label, str):
        return row.name(labels.label)
    cells = [row.name(column) for column in labels.label]
    if any(cell not in ("", labels.unlabelled) for cell in cells):
        return json.dumps(cells, ensure_ascii=False)
    return cells[0] if len(set(cells)) == 1 else labels.unlabelled or ""


def _texts(items: Sequence[Item], rows: Sequence["TableRow"], labels: Labels) -> dict[str, bytes]:
    """The samples in the table's rows. Half of a character stays what it is: what reads the sample reports it."""
    named: dict[str, TableRow] = {}
    for item, row in zip(items, rows, strict=True):
        if item.path in named:
            raise DataError(
                f"{named[item.path].place}, and row {row.number}: both have {item.path!r} in the column "
                f"{labels.path!r}.",
                "It names the samples: make it unique, or name another column in data.labels.path.",
            )
        named[item.path] = row
    return {name: row.text(labels.text or "").encode(errors="surrogatepass") for name, row in named.items()}


def _place(row: "TableRow", names: Names, labels: Labels) -> str:
    """Where a row's sample lies, or, of a text in the table itself, its name."""
    written = row.name(labels.path)
    whole = row.whole(labels.path) or written
    if labels.text or not whole:
        return written or f"{labels.file}#{row.number}"
    folder = posixpath.dirname(labels.file)
    path, spaced = (posixpath.normpath(posixpath.join(folder, cell)) for cell in (written, whole))
    if found := names.find(path, spaced):
        return found
    if not written:
        return f"{labels.file}#{row.number}"
    if path == ".." or path.startswith(("/", "../")):
        raise DataError(f"{row.place}: the path {written!r} leaves the source.")
    return path


def _item(row: "TableRow", path: str, labels: Labels) -> Item:
    return Item(
        path=path,
        label=label_of(row, labels),
        group=row.name(labels.group) if labels.group else "",
        domain=row.name(labels.domain) if labels.domain else "",
        side=row.name(labels.split) if labels.split else "",
        slices=tuple(row.name(column) for column in labels.slices),
        place=row.place,
    )
