"""The command `push`: everything that dvc.lock and the `.dvc` files name, at the DVC remote, and proven to be there.

`dvc push` and `dvc status --cloud` keep an index of what they once saw at a remote: what was lost there since, or never
arrived, they do not miss. Here each object is asked for, before a version or a branch points to it.
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from components.errors import GraftlineError, RegistryError, StorageError
from components.progress import log
from components.stages.dvc_repo import locked_repo, settings
from components.stages.pull import outputs
from components.storage.listing import SUFFIX
from components.storage.objects import WORKERS, Missing, Objects, Remote

AGAIN = "Check the remote, then run the same command."


@dataclass(frozen=True)
class Pushed:
    """What a push came to.

    Attributes:
        asked: objects that the remote was asked for, all of which it has.
        brought: those of them that it did not have before.
    """

    asked: int
    brought: int

    def __str__(self) -> str:
        if not self.asked:
            return "Nothing to push: dvc.lock and the .dvc files name no output. `make run` makes them."
        return f"{self.brought} objects were brought to the DVC remote, which has all {self.asked}."


def push_where_set(root: Path) -> None:
    """`push` before a version or a branch names the bytes; nothing where no default remote is set."""
    if _default_remote(root):
        push(root)


def push(root: Path) -> Pushed:
    """Bring what is missing to the default remote, and look at all of it.

    Raises StorageError without a default remote, or where DVC cannot read the workspace; RegistryError when the remote
    is not complete afterwards: a version must not point to bytes that only this disk holds.
    """
    if not _default_remote(root):
        raise _no_remote(root)
    with locked_repo(root) as repo:
        wanted = outputs(root, repo.outputs())
        try:
            store = repo.remote("push")
            assert store is not None
            log("Pushing to the DVC remote …")
            return _push(Objects(repo.cache, store), Remote(store), {one.name: one.path for one in wanted})
        except GraftlineError as error:
            raise RegistryError(f"The DVC remote did not take everything: {error.message}", AGAIN) from None


def _default_remote(root: Path) -> str:
    return settings(root).get("core", {}).get("remote") or ""


def _no_remote(root: Path) -> StorageError:
    known = sorted(settings(root).get("remote", {}))
    if known:
        return StorageError(
            f"No DVC remote is the default one, so nothing was pushed. There are: {', '.join(known)}.",
            f"Run: dvc remote default {known[0]}",
        )
    return StorageError(
        "No DVC remote is set, so nothing was pushed.",
        "Set one, then run the same command: dvc remote add --default NAME ADDRESS (a folder, s3://…).",
    )


def _push(objects: Objects, remote: Remote, wanted: dict[str, str]) -> Pushed:
    """`wanted`: name of an object → path of its output."""
    lists = [name for name in wanted if name.endswith(SUFFIX)]
    files = dict(wanted)
    for name in lists:
        files |= {entry.md5: f"{wanted[name]}/{entry.path}" for entry in objects.entries(name, wanted[name])}
        del files[name]
    # Lists last: where one is, DVC takes its files for there, too.
    parts = (files, {name: wanted[name] for name in lists})
    return Pushed(sum(map(len, parts)), sum(_complete(objects, remote, part) for part in parts))


def _complete(objects: Objects, remote: Remote, wanted: dict[str, str]) -> int:
    late = _missing(objects, remote, wanted)
    for name in late:
        if not objects.whole(name):
            raise Missing(f"{wanted[name]} is not whole in DVC's cache, and {name} is not at the remote.")
    remote.put(objects, late)
    if lost := _missing(objects, remote, late):
        paths = ", ".join(wanted[name] for name in lost[:3])
        raise RegistryError(
            f"The DVC remote did not take everything: {len(lost)} objects are missing ({paths}).", AGAIN
        )
    return len(late)


def _missing(objects: Objects, remote: Remote, names: Iterable[str]) -> Sequence[str]:
    chosen = sorted(names)
    with ThreadPoolExecutor(WORKERS) as pool:
        there = pool.map(lambda name: remote.has(name, objects), chosen)
        return [name for name, found in zip(chosen, there, strict=True) if not found]
