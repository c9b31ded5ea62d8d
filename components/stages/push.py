"""The command `push`: everything that dvc.lock and the `.dvc` files name, at the DVC remote, and proven to be there.

`dvc push` and `dvc status --cloud` keep an index of what they once saw at a remote: what was lost there since, or never
arrived, they do not miss. Here each object is asked for, before a version or a branch points to it.
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from components.errors import GraftlineError, RegistryError
from components.progress import log
from components.stages.dvc_repo import open_repo
from components.stages.pull import outputs
from components.storage.listing import SUFFIX
from components.storage.objects import WORKERS, Missing, Objects, Remote

AGAIN = "Check the remote, then run the same command."


def push(root: Path) -> int:
    """Bring what is missing to the default remote, and look at all of it; how many objects were brought.

    Without a default remote nothing happens. Raises RegistryError when the remote is not complete afterwards: a version
    must not point to bytes that only this disk holds.
    """
    from dvc.config import Config

    if not Config(str(root / ".dvc")).get("core", {}).get("remote"):
        return 0
    try:
        with open_repo(root) as repo:
            store = repo.remote("push")
            assert store is not None
            log("Pushing to the DVC remote …")
            wanted = outputs(root, repo.outputs())
            return _push(Objects(repo.cache, store), Remote(store), {one.name: one.path for one in wanted})
    except GraftlineError as error:
        raise RegistryError(f"The DVC remote did not take everything: {error.message}", AGAIN) from None


def _push(objects: Objects, remote: Remote, wanted: dict[str, str]) -> int:
    """`wanted`: name of an object → path of its output."""
    lists = [name for name in wanted if name.endswith(SUFFIX)]
    files = dict(wanted)
    for name in lists:
        files |= {entry.md5: f"{wanted[name]}/{entry.path}" for entry in objects.entries(name, wanted[name])}
        del files[name]
    # Lists last: where one is, DVC takes its files for there, too.
    return sum(_complete(objects, remote, part) for part in (files, {name: wanted[name] for name in lists}))


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
