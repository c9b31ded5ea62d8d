"""DVC's cache: what `dvc gc` would keep, and the lineage of needed versions besides."""

import os
import subprocess
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from components.errors import StorageError
from components.progress import progress
from components.stages.dvc_repo import bare_repo, dvc_errors
from components.storage.garbage import DAY, Item
from components.storage.git import without_git

if TYPE_CHECKING:
    from dvc_data.hashfile.db import HashFileDB


class DvcCache:
    """The cache of the repository at `root`; DVC's own lock is asked for around each call.

    Args:
        days: objects, and commits, that are younger stay.
        locks: of needed versions: name → dvc.lock.
    """

    def __init__(self, root: Path, days: float, locks: Mapping[str, bytes]) -> None:
        self._root = root
        self._repo = bare_repo(root)
        self._since = time.time() - days * DAY
        self._locks = locks

    def items(self) -> list[Item]:
        """One item for each reason, and one for what goes."""
        with dvc_errors(), self._repo.lock:
            reasons = self._reasons()
            sizes: dict[str, int] = {}
            for path, value in self._objects("DVC cache, sizes"):
                why = reasons.get(value, "")
                sizes[why] = sizes.get(why, 0) + _size(path)
        return [Item("objects", size, why) for why, size in sorted(sizes.items())]

    def free(self) -> None:
        """By DVC's garbage collection: directories' lists first, then files."""
        from dvc_data.hashfile.gc import gc
        from dvc_data.hashfile.hash_info import HashInfo

        with dvc_errors(), self._repo.lock:
            reasons = self._reasons()
            for odb in self._databases():
                gc(odb, [HashInfo(odb.hash_name, value) for value in reasons])

    def _reasons(self) -> dict[str, str]:
        """Object → why it stays; of several reasons the strongest, which comes last."""
        return {**self._young(), **self._lineages(), **self._present()}

    def _young(self) -> dict[str, str]:
        """What was written lately, and what lists that were written lately name: another worktree may be at it."""
        found: dict[str, str] = {}
        for path, value in self._objects("DVC cache, ages"):
            with suppress(FileNotFoundError):
                if path.stat().st_mtime > self._since:
                    found |= dict.fromkeys((value, *self._inside(value)), "young")
        return found

    def _present(self) -> dict[str, str]:
        # `force`: a folder whose list is not in the cache protects nothing, there or elsewhere.
        return {
            str(info.value): "this workspace"
            for infos in self._repo.used_objs(force=True).values()
            for info in infos
            if info.value
        }

    def _lineages(self) -> dict[str, str]:
        young = [("a commit that is young", lock) for lock in young_locks(self._root, self._since)]
        found: dict[str, str] = {}
        for why, lock in (*young, *((f"lineage of {name}", lock) for name, lock in self._locks.items())):
            for value in _locked(lock):
                found |= dict.fromkeys((value, *self._inside(value)), why)
        return found

    def _inside(self, value: str) -> Iterable[str]:
        """What a folder's list names, where the cache has the list."""
        from dvc_data.hashfile.hash_info import HashInfo
        from dvc_data.hashfile.tree import Tree

        if value.endswith(".dir"):
            with suppress(FileNotFoundError):
                tree = Tree.load(self._repo.cache.local, HashInfo("md5", value))
                return [entry.value for _, _, entry in tree if entry and entry.value]
        return []

    def _objects(self, shown: str) -> Iterable[tuple[Path, str]]:
        for odb in self._databases():
            yield from progress(_listed(odb), shown, "objects")

    def _databases(self) -> "Iterable[HashFileDB]":
        """Each once, under whatever names DVC has it."""
        return {odb.path: odb for _, odb in self._repo.cache.by_scheme() if odb}.values()


def _listed(odb: "HashFileDB") -> list[tuple[Path, str]]:
    return [(Path(odb.oid_to_path(value)), value) for value in odb.all()]


def _size(path: Path) -> int:
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return 0


def _locked(lock: bytes) -> list[str]:
    """MD5 of each output that a dvc.lock names. Raises StorageError for one that cannot be read."""
    try:
        stages = (yaml.safe_load(lock) or {}).get("stages", {}).values()
        return [out["md5"] for stage in stages for out in stage.get("outs", ()) if "md5" in out]
    except (yaml.YAMLError, AttributeError, TypeError) as error:
        raise StorageError("A dvc.lock of git's history cannot be read.") from error


def locks_around(root: Path, commit: str) -> list[bytes]:
    """dvc.lock of the workspace, and of `commit` where git has it."""
    found = [(root / "dvc.lock").read_bytes()] if (root / "dvc.lock").exists() else []
    return [*found, *([_git(root, "show", f"{commit}:./dvc.lock")] if commit else [])]


def young_locks(root: Path, since: float) -> list[bytes]:
    """Each dvc.lock of the commits of all branches since then, once; none outside a git repository."""
    commits = _git(root, "rev-list", "--all", f"--since={since:.0f}").decode().split()
    names = "".join(f"{commit}:./dvc.lock\n" for commit in commits)
    lines = _git(root, "cat-file", "--batch-check=%(objectname)", told=names).decode().splitlines()
    return [
        _git(root, "cat-file", "blob", blob) for blob in sorted({line for line in lines if " " not in line})
    ]


def _git(root: Path, *words: str, told: str = "") -> bytes:
    """What git says; nothing where it fails."""
    command = ["git", "-C", str(root), *words]
    env = without_git(os.environ)
    return subprocess.run(command, input=told.encode(), capture_output=True, env=env, check=False).stdout
