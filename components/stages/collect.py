"""The command `gc`: frees caches, stores and old artefacts, and spares what a needed version was made from.

Needed is a version with an alias, one that a rollback brings back, one that was champion or scored something
lately, and the workspace's own. What that cannot be asked of is kept. Whatever is killed, the next call goes on.
"""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from components.errors import Busy, GraftlineError
from components.params import Params
from components.progress import log
from components.registry.unneeded import LOCK_TAG, Needed, Shelf, open_shelf
from components.stages.collect_caches import (
    DIGEST,
    Cache,
    Downloaded,
    Fetched,
    LeftOver,
    Pages,
    References,
    Store,
    Trainings,
    digests_of,
    spaces_of,
    weights_of,
)
from components.stages.collect_dvc import DvcCache, locks_around
from components.storage.garbage import Item, quiet
from components.storage.publish import sha256_bytes, sha256_tree


@dataclass(frozen=True)
class Options:
    """`days`: caches that were not used for so long go; `version_days`: versions not made or served for so long."""

    dry: bool = False
    days: float = 14.0
    version_days: float = 90.0


@dataclass(frozen=True)
class Pile:
    """What one kind of thing comes to; `remark` where it could not be looked at."""

    kind: str
    items: Sequence[Item] = ()
    remark: str = ""


def collect(root: Path, params: Params, options: Options) -> list[Pile]:
    """Free what nobody needs, or with `dry` look only."""
    needed: list[Needed] | None = None
    locks: dict[str, bytes] = {}
    piles = []
    log("Looking at the registry for the versions that are needed.")
    try:
        present = sha256_tree(root / "release") if (root / "release").is_dir() else ""
        with open_shelf(root, params.tracking, options.version_days, present) as shelf:
            piles.append(_versions(shelf, options))
            looked = list(shelf.look().values())  # a rollback may have come meanwhile
            locks = _locks(root, shelf, looked)
            needed = looked
    except GraftlineError as error:
        piles.append(Pile("registered versions", remark=_why(error)))
    piles.append(_of_dvc(root, options, needed, locks))
    for kind, cache in _caches(root, params, options, needed):
        piles.append(_of(kind, cache, options))
    return piles


def table(piles: Sequence[Pile], dry: bool) -> Iterator[str]:
    """Sizes by kind, and why something is kept."""
    yield f"{'':<22}  {'would free' if dry else 'freed':>10}  {'kept':>10}  why"
    for pile in piles:
        gone = [item for item in pile.items if not item.kept]
        why = pile.remark or _reasons([item for item in pile.items if item.kept])
        yield f"{pile.kind:<22}  {_size(gone):>10}  {_size([i for i in pile.items if i.kept]):>10}  {why}".rstrip()
        if pile.kind == "registered versions" and gone:
            yield f"{'':<22}  {', '.join(item.name for item in gone)}"
    freed = [item for pile in piles for item in pile.items if not item.kept]
    kept = [item for pile in piles for item in pile.items if item.kept]
    yield f"{'in all':<22}  {_size(freed):>10}  {_size(kept):>10}"
    if not freed:
        yield f"Nothing {'would be' if dry else 'was'} freed."


def _versions(shelf: Shelf, options: Options) -> Pile:
    items = shelf.items()
    if not options.dry:
        items = [item if item.kept else replace(item, kept=_freed(shelf, item)) for item in items]
    return Pile("registered versions", items)


def _freed(shelf: Shelf, item: Item) -> str:
    try:
        return shelf.free(item)
    except Busy:
        return "a promotion is at work"


def _locks(root: Path, shelf: Shelf, needed: Sequence[Needed]) -> dict[str, bytes]:
    """The dvc.lock of each version: as it was registered, or as the workspace or its commit has it."""
    found = {}
    with tempfile.TemporaryDirectory(prefix="graftline-") as folder:
        for version in needed:
            commit = version.tags.get("graftline.git_commit", "")
            for lock in (shelf.dvc_lock(version, folder), *locks_around(root, commit)):
                if lock is not None and sha256_bytes(lock) == version.tags.get(LOCK_TAG):
                    found[version.number] = lock
                    break
    return found


def _of_dvc(root: Path, options: Options, needed: Sequence[Needed] | None, locks: dict[str, bytes]) -> Pile:
    kind = "DVC cache"
    if not (root / ".dvc").is_dir():
        return Pile(kind)
    if needed is None:
        return Pile(kind, remark="kept: what versions need is not known")
    if unknown := [version.number for version in needed if version.number not in locks]:
        return Pile(kind, remark=f"kept: version {', '.join(unknown)} has no dvc.lock that could be found")
    try:
        with quiet(root):
            cache = DvcCache(root, options.days, {f"version {n}": lock for n, lock in locks.items()})
            items = cache.items()
            if not options.dry and any(not item.kept for item in items):
                cache.free()
            return Pile(kind, items)
    except GraftlineError as error:
        return Pile(kind, remark=_why(error))


def _caches(
    root: Path, params: Params, options: Options, needed: Sequence[Needed] | None
) -> Iterator[tuple[str, Cache]]:
    days = options.days
    log("Looking for the caches that this workspace reads.")
    yield "sample store", Store(root, days, spaces_of(root, params))
    yield "unfinished trainings", Trainings(root, days, {})
    yield "left by killed runs", LeftOver(root, days, {})
    yield "windows, reports", Pages(root, options.version_days, {})
    if needed is None:
        return  # nobody knows whose these are
    lineage: dict[str, str] = {}
    for version in needed:
        why, tags = f"version {version.number}", version.tags
        lineage |= dict.fromkeys(DIGEST.findall(" ".join(tags.values())), why)
        lineage |= weights_of([tags.get("graftline.checkpoint_name", "")], why)
    yield "fetched releases", Fetched(root, days, {v.digest: f"version {v.number}" for v in needed})
    yield "fetched references", References(root, days, {})
    yield "downloads", Downloaded(root, days, {**lineage, **digests_of(root, params)})


def _of(kind: str, cache: Cache, options: Options) -> Pile:
    try:
        with cache.held():
            items = cache.items(kind)
            for item in items:
                if not item.kept and not options.dry:
                    cache.free(item)
            return Pile(kind, items)
    except Busy as error:
        return Pile(kind, remark=_why(error))


def _why(error: GraftlineError) -> str:
    return f"kept: {error.message}"


def _reasons(kept: Sequence[Item]) -> str:
    """Each reason once, that of most bytes first."""
    sizes: dict[str, int] = {}
    for item in kept:
        sizes[item.kept] = sizes.get(item.kept, 0) + item.size
    return "; ".join(sorted(sizes, key=lambda why: -sizes[why]))


def _size(items: Sequence[Item]) -> str:
    size = float(sum(item.size for item in items))
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
