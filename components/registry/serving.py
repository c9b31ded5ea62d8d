"""What the signed ledger says of a version that is about to answer: tags and alias alone are not believed.

Whoever can write to the registry can exchange a version's files together with its tag, or move the alias by hand; the
ledger's entries he cannot sign.
"""

from components.errors import DigestMismatch, RegistryError
from components.params.scoring import CHAMPION
from components.progress import log
from components.registry.guard import database, guard, shared
from components.registry.history import served, state
from components.registry.store import Place

BACK = "To set it anew: python -m flows.promote rollback --to {number}"


def check(place: Place, name: str, number: str, digest: str, champion: bool) -> None:
    """Refuse version `number` of model `name` where the ledger knows other bytes of it than `digest`.

    With `champion` it must be the one that serves, or, while the alias is on its way, the one that will. Of a model
    that nobody promoted there is no ledger; of a shared registry it is read where its database is named.
    Raises RegistryError for another champion, DigestMismatch for other bytes, StorageError for a damaged ledger.
    """
    if database(place) is None and shared(place) is None:
        log("The ledger of this registry is not named here (docs/gates.md): its tags are believed.")
        return
    entries = guard(place, name).ledger.entries()
    if not entries:
        return
    now = state(entries)
    if champion and number not in {version.number for version in (now.champion, now.coming) if version}:
        raise foreign(name, number, now.champion.number if now.champion else None)
    known = {**served(entries), **({now.coming.number: now.coming} if now.coming else {})}
    if number in known and known[number].digest != digest:
        raise DigestMismatch(
            f"{name} version {number} is {known[number].digest[:12]}… in the ledger, and the registry names "
            f"{digest[:12] or 'nothing'}….",
            "Do not use that version; check who can write to the registry.",
        )


def foreign(name: str, alias: str | None, serving: str | None) -> RegistryError:
    """An alias that somebody moved by hand."""
    remedy = BACK.format(number=serving) if serving else "Delete the alias in MLflow, and promote."
    return RegistryError(
        f"The alias {CHAMPION} of {name} points to {f'version {alias}' if alias else 'nothing'}, the ledger "
        f"says {f'version {serving}' if serving else 'nothing serves'}: somebody moved it past the ledger.",
        remedy,
    )
