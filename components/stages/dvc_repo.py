"""What is used of DVC's own classes, which have no types, to move objects between cache, remote and workspace."""

import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from components.errors import Busy, StorageError
from components.storage.listing import MD5, SUFFIX
from components.storage.objects import Store

if TYPE_CHECKING:
    from dvc.output import Output as DvcOutput
    from dvc.repo import Repo as DvcRepo


@dataclass(frozen=True)
class Output:
    """An output that DVC keeps: where it belongs in the workspace, and the name of its object.

    Attributes:
        path: below the workspace's root.
        name: empty where it was never made.
        size: bytes of all its files; None where nobody wrote it down.
        stage: the stage that makes it; empty where a `.dvc` file names it.
    """

    path: str
    name: str
    size: int | None
    stage: str

    @property
    def is_folder(self) -> bool:
        return self.name.endswith(SUFFIX)


class Repo:
    """A view on `dvc.repo.Repo`."""

    def __init__(self, repo: "DvcRepo") -> None:
        self._repo = repo
        self.cache: Store = repo.cache.local

    def outputs(self) -> list[Output]:
        """All that DVC keeps for the workspace. Raises StorageError for one of a kind that is not checked here."""
        from dvc.exceptions import DvcException

        try:
            found = list(self._repo.index.outs)
        except DvcException as error:
            raise StorageError(
                f"This workspace cannot be read by DVC: {error}.",
                "Restore dvc.yaml, dvc.lock and the .dvc files by git.",
            ) from None
        return [self._output(out) for out in found if out.use_cache and not out.stage.is_repo_import]

    def remote(self, command: str) -> Store | None:
        """The default remote; None where none is set."""
        if not self._repo.config["core"].get("remote"):
            return None
        try:
            found: Store = self._repo.cloud.get_remote_odb(command=command)
        except (
            Exception
        ) as error:  # a broken address, a missing package, a versioned bucket: each has its own class
            raise StorageError(f"The DVC remote cannot be used: {error}.") from None
        return found

    def _output(self, out: "DvcOutput") -> Output:
        path = os.path.relpath(out.fs_path, self._repo.root_dir) if out.protocol == "local" else str(out)
        name = out.hash_info.value or ""
        if name and (out.protocol != "local" or out.hash_name != "md5" or out.files):
            raise StorageError(
                f"{path} is kept outside of DVC's cache or in an old format, which is not checked here.",
                "DVC 2's: `dvc cache migrate --dvc-files`. Others: keep copies of them below data/ instead.",
            )
        if name and not MD5.fullmatch(name.removesuffix(SUFFIX)):
            raise StorageError(
                f"{path} has {name!r:.80} for a digest.", "Restore dvc.lock or the .dvc file by git."
            )
        return Output(path, name, out.meta.size, getattr(out.stage, "name", None) or "")


@contextmanager
def open_repo(root: Path) -> Iterator[Repo]:
    """The DVC repository at `root`, under DVC's own lock. Raises Busy where another process holds that."""
    from dvc.lock import LockError
    from dvc.repo import Repo as DvcRepo
    from dvc.repo import lock_repo

    logging.getLogger("dvc").setLevel(logging.ERROR)
    try:
        with DvcRepo(str(root)) as repo, lock_repo(repo):
            yield Repo(repo)
    except LockError as error:
        raise Busy("DVC's lock is held by another process.", "Wait for it, or stop it.") from error
    except sqlite3.Error as error:  # what it notes of sizes and times
        message = f"DVC's own files could not be written: {error}."
        raise StorageError(message, "Free some room, and run the same command.") from error


def verified_cache(repo: "DvcRepo") -> None:
    """Let DVC, in this process, hash each object of its cache before it restores it: it believes read-only ones."""
    from dvc_data.hashfile.db import HashFileDB

    cache = repo.cache.local
    # Its own check for remotes: by the bytes, without what was noted of size and time; what is damaged is removed.
    cache.check = HashFileDB(cache.fs, cache.path, hash_name=cache.hash_name).check
