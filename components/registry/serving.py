"""What the signed ledger says of a version that is about to answer: tags and alias alone are not believed.

Whoever can write to the registry can exchange a version's files together with its tag, or move the alias by hand; the
ledger's entries he cannot sign.
"""

from components.errors import DigestMismatch, RegistryError, short_digests
from components.params.scoring import CHAMPION
from components.progress import log
from components.registry.guard import database, guard, shared
from components.registry.history import served, state
from components.registry.store import Place

BACK = "To set it again: python -m flows.promote rollback --to {number}"
CLEAR = (
    "Take the alias away with `python -m flows.promote clear`, then promote again: python -m flows.promote"
)


def check(place: Place, name: str, number: str, digest: str, champion: bool) -> None:
    """Refuse version `number` of model `name` where the ledger knows other bytes of it than `digest`.

    With `champion` it must be the one that serves, or, while the alias is on its way, the one that will: a ledger
    that is empty, or was deleted, names none. Of a shared registry the ledger is read where its database is named.
    Raises RegistryError for another champion, DigestMismatch for other bytes, StorageError for a damaged ledger.
    """
    if database(place) is None and shared(place) is None:
        log("The ledger of this registry is not named here (docs/gates.md): its tags are believed.")
        return
    entries = guard(place, name).ledger.entries()
    now = state(entries)
    if champion and number not in {version.number for version in (now.champion, now.coming) if version}:
        raise foreign(name, number, now.champion.number if now.champion else None)
    known = {**served(entries), **({now.coming.number: now.coming} if now.coming else {})}
    if number not in known:
        log(
            f"{name} version {number} was never champion: the ledger does not know it, its tags are believed."
        )
    elif known[number].digest != digest:
        ours, theirs = short_digests(known[number].digest, digest)
        raise DigestMismatch(
            f"{name} version {number} is {ours} in the ledger, and the registry names {theirs}.",
            "Do not use that version; check who can write to the registry.",
        )


def foreign(name: str, alias: str | None, serving: str | None) -> RegistryError:
    """An alias that somebody moved by hand."""
    remedy = BACK.format(number=serving) if serving else CLEAR
    return RegistryError(
        f"The alias {CHAMPION} of {name} points to {f'version {alias}' if alias else 'nothing'}, the ledger "
        f"says {f'version {serving}' if serving else 'nothing serves'}: somebody moved it past the ledger.",
        remedy,
    )
