"""From files at the source to labelled rows: a folder per class, a manifest, or a labels file."""

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass

from components.data.lock import Lock, LockedSource
from components.data.tables import Row, read_table
from components.errors import DataError, ParamsError
from components.params.data import DataParams, Labels


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


def read_items(lock: Lock, source: LockedSource, params: DataParams) -> list[Item]:
    """All samples that the source claims to have, sorted by path."""
    if params.layout == "folders":
        items = _folders(lock, params.labels)
    else:
        rows = read_table(source.read(params.labels.file), params.labels)
        folder = posixpath.dirname(params.labels.file)
        items = [_item(row, folder, params.labels) for row in rows]
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


def _item(row: Row, folder: str, labels: Labels) -> Item:
    path = posixpath.normpath(posixpath.join(folder, row[labels.path]))
    if path.startswith(("/", "../")):
        raise DataError(f"{labels.file}: the path {row[labels.path]!r} leaves the source.")
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
