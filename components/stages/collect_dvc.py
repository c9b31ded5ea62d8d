"""DVC's cache: what `dvc gc` would keep, and the lineage of needed versions besides."""

import logging
import subprocess
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from components.storage.garbage import DAY, Item

if TYPE_CHECKING:
    from dvc_data.hashfile.db import HashFileDB
    from dvc_data.hashfile.hash_info import HashInfo


class DvcCache:
    """The cache of the repository at `root`; DVC's own lock is asked for around each call.

    Args:
        days: objects, and commits, that are younger stay.
        locks: of needed versions: name → dvc.lock.
    """

    def __init__(self, root: Path, days: float, locks: Mapping[str, bytes]) -> None:
        from dvc.repo import Repo

        logging.getLogger("dvc").setLevel(logging.ERROR)
        self._repo = Repo(str(root))
        self._since = time.time() - days * DAY
        self._locks = locks

    def items(self) -> list[Item]:
        """One item for each reason, and one for what goes."""
        with self._repo.lock:
            reasons = {**self._lineages(), **self._present()}  # a stronger reason comes later
            sizes: dict[str, int] = {}
            for path, value in self._objects():
                why = reasons.get(value) or self._young(path)
                sizes[why] = sizes.get(why, 0) + _size(path)
        return [Item("objects", size, why) for why, size in sorted(sizes.items())]

    def free(self) -> None:
        """By DVC's garbage collection: directories' lists first, then files."""
        from dvc_data.hashfile.gc import gc
        from dvc_data.hashfile.hash_info import HashInfo

        with self._repo.lock:
            reasons = {**self._lineages(), **self._present()}
            for _, odb in self._repo.cache.by_scheme():
                if odb:
                    young = [value for path, value in _listed(odb) if self._young(path)]
                    gc(odb, [HashInfo(odb.hash_name, value) for value in (*reasons, *young)])

    def _present(self) -> dict[str, str]:
        from dvc.scm import NoSCM

        day = time.strftime("%Y-%m-%d", time.localtime(self._since))
        date = None if isinstance(self._repo.scm, NoSCM) else day
        found = self._values(self._repo.used_objs(commit_date=date).values(), "a commit that is young")
        return found | self._values(self._repo.used_objs().values(), "this workspace")

    def _lineages(self) -> dict[str, str]:
        found = {}
        for name, lock in self._locks.items():
            for value in _locked(lock):
                found[value] = f"lineage of {name}"
                for inside in self._inside(value):
                    found[inside] = f"lineage of {name}"
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

    def _objects(self) -> Iterable[tuple[Path, str]]:
        for _, odb in self._repo.cache.by_scheme():
            if odb:
                yield from _listed(odb)

    def _values(self, found: "Iterable[set[HashInfo]]", why: str) -> dict[str, str]:
        return {str(info.value): why for infos in found for info in infos if info.value}

    def _young(self, path: Path) -> str:
        try:
            return "young" if path.stat().st_mtime > self._since else ""
        except FileNotFoundError:
            return ""


def _listed(odb: "HashFileDB") -> list[tuple[Path, str]]:
    return [(Path(odb.oid_to_path(value)), value) for value in odb.all()]


def _size(path: Path) -> int:
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return 0


def _locked(lock: bytes) -> list[str]:
    """MD5 of each output that a dvc.lock names."""
    stages = yaml.safe_load(lock).get("stages", {}).values()
    return [out["md5"] for stage in stages for out in stage.get("outs", ()) if "md5" in out]


def locks_around(root: Path, commit: str) -> list[bytes]:
    """dvc.lock of the workspace, and of `commit` where git has it."""
    found = [(root / "dvc.lock").read_bytes()] if (root / "dvc.lock").exists() else []
    if commit:
        words = ["git", "-C", str(root), "show", f"{commit}:./dvc.lock"]
        done = subprocess.run(words, capture_output=True, check=False)
        found += [done.stdout] if done.returncode == 0 else []
    return found
