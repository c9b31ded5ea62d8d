"""Who keeps promoters apart, and where the ledger lies: what an embedded store and a shared registry differ in."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from components.errors import RegistryError
from components.params.operation import TrackingParams
from components.registry.ledger import Entry, FileBook, Ledger
from components.registry.store import Place, locate
from components.storage.publish import kernel_lock

WAIT = 60.0  # seconds for another promotion to make its move


@dataclass(frozen=True)
class Guard:
    """The ledger of a model, and the lock that everybody holds who moves its champion."""

    ledger: Ledger
    lock: Callable[[], AbstractContextManager[None]]


def guard(place: Place, model: str) -> Guard:
    """Beside an embedded store's database: a file and a kernel lock.

    Raises RegistryError where the registry is shared: a kernel lock of one host would not keep the others out. Such
    a registry's PostgreSQL has an advisory lock and room for a table; here is where they belong.
    """
    path = database(place)
    if path is None:
        raise RegistryError(
            f"The registry at {place} is shared: a lock of this host would not keep other promoters out, and the "
            "advisory lock of its database cannot be had yet.",
            "Promote on the host of an embedded store (tracking.uri: sqlite).",
        )
    folder = path.with_suffix(".ledger")
    book = FileBook(folder / f"{model}.jsonl")
    return Guard(Ledger(book, model), partial(kernel_lock, folder / f"{model}.lock", WAIT))


def database(place: Place) -> Path | None:
    """The file of an embedded store."""
    kind, sign, path = place.uri.partition(":///")
    return Path(path).absolute() if sign and kind.startswith("sqlite") and path else None


def read_ledger(root: Path, tracking: TrackingParams) -> list[Entry]:
    """Without MLflow, a lock, or a word to anybody."""
    return guard(locate(root, tracking), tracking.model).ledger.entries()
