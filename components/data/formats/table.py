"""From files at the source to labelled rows: a folder per class, a manifest, or a labels file."""

import hashlib
import json
import posixpath
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from components.data.formats.folders import check_no_columns, read_folders
from components.data.formats.which_table import check_table
from components.data.lock import Lock
from components.data.tables import TableRow, read_table
from components.errors import DataError
from components.params.data import DataParams, Labels
from components.params.task import TaskParams
from components.problems import reading
from components.sources.base import Entry


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a table, or one file in a class's folder.

    Attributes:
        path: at the source.
        label: as written, of several columns a JSON list of their cells; empty where there is none.
        group, domain, side: empty where not declared.
        slices: values of the declared slice columns, in their order.
        place: the row of the table, for messages; equal rows are one item.
    """

    path: str
    label: str
    group: str = ""
    domain: str = ""
    side: str = ""
    slices: tuple[str, ...] = ()
    place: str = field(default="", compare=False)


class Reader(Protocol):
    def read(self, path: str) -> bytes: ...


@dataclass(frozen=True)
class Listing:
    """Attributes:
    items: all samples that the source claims to have, sorted by path.
    ignored: paths of the files that are none.
    notes: what a user should know about how they were read.
    """

    items: Sequence[Item]
    ignored: Sequence[str]
    notes: Sequence[str] = ()


def read_items(lock: Lock, source: Reader, params: DataParams, task: TaskParams) -> Listing:
    """What the source holds."""
    notes: Sequence[str] = ()
    if params.layout == "folders":
        items, notes = _folders(lock, params, task.kind)
    else:
        labels = params.labels
        check_table(labels.file, lock)
        rows = read_table(source.read(labels.file), labels)
        if isinstance(labels.label, str):
            column = labels.label
            notes = reading(task).doubtful(labels, task, (row.text(column) for row in rows))
        folder = posixpath.dirname(labels.file)
        items = [_item(row, _place(row, folder, labels), labels) for row in rows]
        if empty := reading(task).empty(task):
            items = [item if item.label else replace(item, label=empty) for item in items]
    if not items:
        raise DataError(f"{lock.uri} holds no samples for data.layout {params.layout}.")
    items = sorted(set(items), key=lambda item: (item.path, item.label, item.group, item.side))
    mentioned = {item.path for item in items} | {None if params.layout == "folders" else params.labels.file}
    unused = [entry.path for entry in lock.entries if entry.path not in mentioned]
    return Listing(items, unused, notes)


def _folders(lock: Lock, params: DataParams, kind: str) -> tuple[list[Item], Sequence[str]]:
    check_no_columns(params.labels)
    found = read_folders([entry.path for entry in lock.entries], kind, params.folders, lock.uri)
    return [Item(path, label, side=side) for path, label, side in found.samples], found.notes


class Rows:
    """The texts in a table's rows, as if each were a file."""

    def __init__(self, lock: Lock, source: "Reader", labels: Labels) -> None:
        rows: dict[str, TableRow] = {}
        check_table(labels.file, lock)
        for row in read_table(source.read(labels.file), labels):
            name = _place(row, "", labels)
            if name in rows:
                raise DataError(
                    f"{rows[name].place}, and row {row.number}: both have {name!r} in the column {labels.path!r}.",
                    "It names the samples: make it unique, or name another column in data.labels.path.",
                )
            rows[name] = row
        # Half of a character stays what it is: whoever reads the sample will say so.
        texts = ((name, row.text(labels.text or "")) for name, row in rows.items())
        self._texts = {name: text.encode(errors="surrogatepass") for name, text in texts}
        entries = (
            Entry(name, len(text), hashlib.sha256(text).hexdigest()) for name, text in self._texts.items()
        )
        self.lock = replace(lock, entries=tuple(sorted(entries)))

    def read(self, path: str) -> bytes:
        return self._texts[path]


def _place(row: TableRow, folder: str, labels: Labels) -> str:
    """Where a row's sample lies, or, of a text in the table itself, its name."""
    written = row.name(labels.path)
    if labels.text or not written:
        return written or f"{labels.file}#{row.number}"
    path = posixpath.normpath(posixpath.join(folder, written))
    if path == ".." or path.startswith(("/", "../")):
        raise DataError(f"{row.place}: the path {written!r} leaves the source.")
    return path


def label_of(row: TableRow, labels: Labels) -> str:
    """As written. Of several columns a JSON list of the cells, or, where none says anything, what an empty cell says.

    A cell that holds `data.labels.unlabelled` says nothing.
    """
    if isinstance(labels.label, str):
        return row.name(labels.label)
    cells = [row.name(column) for column in labels.label]
    if any(cell not in ("", labels.unlabelled) for cell in cells):
        return json.dumps(cells, ensure_ascii=False)
    return cells[0] if len(set(cells)) == 1 else labels.unlabelled or ""


def _item(row: TableRow, path: str, labels: Labels) -> Item:
    return Item(
        path=path,
        label=label_of(row, labels),
        group=row.name(labels.group) if labels.group else "",
        domain=row.name(labels.domain) if labels.domain else "",
        side=row.name(labels.split) if labels.split else "",
        slices=tuple(row.name(column) for column in labels.slices),
        place=row.place,
    )
