"""From files at the source to labelled rows: a folder per class, a manifest, or a labels file."""

import hashlib
import posixpath
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from components.data.lock import Lock
from components.data.tables import Row, read_table
from components.errors import DataError, ParamsError
from components.params.data import DataParams, Labels
from components.sources.base import Entry


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a table, or one file in a class's folder.

    Attributes:
        path: at the source.
        label: as written; empty where there is none.
        group, domain, side: empty where not declared.
        slices: values of the declared slice columns, in their order.
    """

    path: str
    label: str
    group: str = ""
    domain: str = ""
    side: str = ""
    slices: tuple[str, ...] = ()


class Reader(Protocol):
    def read(self, path: str) -> bytes: ...


def read_items(lock: Lock, source: Reader, params: DataParams) -> list[Item]:
    """All samples that the source claims to have, sorted by path."""
    if params.layout == "folders":
        items = _folders(lock, params.labels)
    else:
        labels = params.labels
        rows = read_table(source.read(labels.file), labels)
        folder = posixpath.dirname(labels.file)
        names = [_place(row, number, folder, labels) for number, row in enumerate(rows, 1)]
        items = [_item(row, name, labels) for row, name in zip(rows, names, strict=True)]
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
        rows = read_table(source.read(labels.file), labels)
        self._texts = {
            _place(row, number, "", labels): row[labels.text or ""].encode()
            for number, row in enumerate(rows, 1)
        }
        if len(self._texts) < len(rows):
            raise DataError(
                f"{labels.file}: {len(rows) - len(self._texts)} values of the column {labels.path!r} occur twice.",
                "It names the samples: make it unique, or name another column in data.labels.path.",
            )
        entries = (
            Entry(name, len(text), hashlib.sha256(text).hexdigest()) for name, text in self._texts.items()
        )
        self.lock = replace(lock, entries=tuple(sorted(entries)))

    def read(self, path: str) -> bytes:
        return self._texts[path]


def _place(row: Row, number: int, folder: str, labels: Labels) -> str:
    """Where a row's sample lies, or, of a text in the table itself, its name."""
    if labels.text:
        return row.get(labels.path) or f"{labels.file}#{number}"
    path = posixpath.normpath(posixpath.join(folder, row[labels.path]))
    if path.startswith(("/", "../")):
        raise DataError(f"{labels.file}: the path {row[labels.path]!r} leaves the source.")
    return path


def _item(row: Row, path: str, labels: Labels) -> Item:
    label = row[labels.label]
    return Item(
        path=path,
        label="" if label.lower() == "nan" else label,
        group=row[labels.group] if labels.group else "",
        domain=row[labels.domain] if labels.domain else "",
        side=row[labels.split] if labels.split else "",
        slices=tuple(row[column] for column in labels.slices),
    )


def ignored(lock: Lock, items: Sequence[Item], table: str | None) -> int:
    """How many files of the source no item mentions."""
    mentioned = {item.path for item in items} | {table}
    return sum(entry.path not in mentioned for entry in lock.entries)
