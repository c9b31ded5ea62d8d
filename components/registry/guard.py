"""Who keeps promoters apart, and where the ledger lies: what an embedded store and a shared registry differ in."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from components.errors import RegistryError
from components.params.operation import TrackingParams
from components.registry.ledger import Entry, FileBook, Ledger
from components.registry.store import Place, locate
from components.registry.table_book import WAIT, TableBook
from components.storage.publish import kernel_lock
from components.storage.sqlite import path_in

DATABASE = "GRAFTLINE_LEDGER_DATABASE"


@dataclass(frozen=True)
class Guard:
    """The ledger of a model, and the lock that everybody holds who moves its champion.

    Attributes:
        held: asked before each move; raises Busy where the lock was lost meanwhile.
    """

    ledger: Ledger
    lock: Callable[[], AbstractContextManager[None]]
    held: Callable[[], None]


def guard(place: Place, model: str) -> Guard:
    """Beside an embedded store's database: a file and a kernel lock. Of a shared registry: its PostgreSQL.

    Raises RegistryError where the registry is shared and nobody says where that database is: a kernel lock of one
    host would not keep the others out.
    """
    path = database(place)
    if path is not None:
        folder = path.with_suffix(".ledger")
        lock = partial(kernel_lock, folder / f"{model}.lock", WAIT)
        return Guard(Ledger(FileBook(folder / f"{model}.jsonl"), model), lock, _kernel_keeps_it)
    address = shared(place)
    if address is None:
        raise RegistryError(
            f"The registry at {place} is shared: a lock of this host would not keep other promoters out.",
            f"Name the PostgreSQL that the registry uses, in the environment: {DATABASE}=postgresql://… "
            "(docs/gates.md).",
        )
    book = TableBook(address, model)
    return Guard(Ledger(book, model), book.locked, book.held)


def database(place: Place) -> Path | None:
    """The file of an embedded store."""
    return path_in(place.uri)


def shared(place: Place) -> str | None:
    """Address of the PostgreSQL that a shared registry uses: its own, or what the environment says."""
    if place.uri.startswith("postgresql"):
        return place.uri
    return os.environ.get(DATABASE) or None


def read_ledger(root: Path, tracking: TrackingParams) -> list[Entry]:
    """Without MLflow, a lock, or a word to anybody."""
    return guard(locate(root, tracking), tracking.model).ledger.entries()


def _kernel_keeps_it() -> None:
    """A kernel lock goes with its process only."""
