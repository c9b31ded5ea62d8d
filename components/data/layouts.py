"""From files at the source to labelled rows: a folder per class, a manifest, or a labels file."""

import hashlib
import posixpath
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from components.data.classes import doubtful
from components.data.lock import Lock
from components.data.tables import TableRow, read_table
from components.errors import DataError, ParamsError
from components.params.data import DataParams, Labels
from components.progress import log
from components.sources.base import Entry


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a table, or one file in a class's folder.

    Attributes:
        path: at the source.
        label: as written; empty where there is none.
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


def read_items(lock: Lock, source: Reader, params: DataParams) -> list[Item]:
    """All samples that the source claims to have, sorted by path."""
    if params.layout == "folders":
        items = _folders(lock, params.labels)
    else:
        labels = params.labels
        rows = read_table(source.read(labels.file), labels)
        for sentence in doubtful((row.text(labels.label) for row in rows), labels):
            log(f"Warning: {sentence}")
        folder = posixpath.dirname(labels.file)
        items = [_item(row, _place(row, folder, labels), labels) for row in rows]
    if not items:
        raise DataError(f"{lock.uri} holds no samples for data.layout {params.layout}.")
    return sorted(set(items), key=lambda item: (item.path, item.label, item.group, item.side))


def _folders(lock: Lock, labels: Labels) -> list[Item]:
    named = [key for key in ("group", "domain", "split", "slices") if getattr(labels, key)]
    if named:
        raise ParamsError(
            f"data.labels.{named[0]} names a column, but data.layout folders has none.",
            "Use data.layout manifest.",
        )
    found = []
    for entry in lock.entries:
        parts = entry.path.split("/")
        if len(parts) > 1 and not any(part.startswith(".") for part in parts):
            found.append(Item(entry.path, parts[0]))
    return found


class Rows:
    """The texts in a table's rows, as if each were a file."""

    def __init__(self, lock: Lock, source: "Reader", labels: Labels) -> None:
        rows: dict[str, TableRow] = {}
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


def _item(row: TableRow, path: str, labels: Labels) -> Item:
    return Item(
        path=path,
        label=row.name(labels.label),
        group=row.name(labels.group) if labels.group else "",
        domain=row.name(labels.domain) if labels.domain else "",
        side=row.name(labels.split) if labels.split else "",
        slices=tuple(row.name(column) for column in labels.slices),
        place=row.place,
    )


def ignored(lock: Lock, items: Sequence[Item], table: str | None) -> int:
    """How many files of the source no item mentions."""
    mentioned = {item.path for item in items} | {table}
    return sum(entry.path not in mentioned for entry in lock.entries)
