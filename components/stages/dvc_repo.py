"""All that is used of DVC's own classes, which have no types, and the one place where its errors become ours."""

import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from components.errors import Busy, GraftlineError, StorageError, first_line
from components.registry.lineage import git_state
from components.storage.listing import MD5, SUFFIX
from components.storage.objects import Store
from components.system_errors import AGAIN

if TYPE_CHECKING:
    from dvc.config import Config
    from dvc.output import Output as DvcOutput
    from dvc.repo import Repo as DvcRepo


RESTORE = (
    "Restore it by git (git checkout dvc.lock). A dvc.lock that was never committed can be removed: what was computed "
    "comes back from DVC's cache."
)
NOTES = ".dvc/tmp and the Repo.site_cache_dir that `dvc doctor` names"


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
    """A view on `dvc.repo.Repo`. Each method but `reproduce` and those with a lock of their own needs DVC's lock."""

    def __init__(self, repo: "DvcRepo") -> None:
        self._repo = repo
        self.cache: Store = repo.cache.local

    def reproduce(self, stage: str) -> bool:
        """Bring one stage up to date; False where nothing of it had changed. Raises DVC's own errors."""
        return bool(self._repo.reproduce(stage, single_item=True))

    def up_to_date(self) -> frozenset[str]:
        """Stages whose command, parameters, code, inputs and outputs are those of dvc.lock. Takes DVC's lock.

        They are known by name; those of another dvc.yaml in the repository, with its path before the name.
        """
        with dvc_errors(), self._repo.lock:
            return frozenset(
                str(stage.addressing)
                for stage in self._repo.index.stages
                if not stage.changed(allow_missing=False)
            )

    def is_as_locked(self) -> bool:
        """Whether commands, parameters and code are those of dvc.lock; outputs that are not there are left out.

        Takes DVC's lock.
        """
        with dvc_errors(), self._repo.lock:
            return not any(stage.changed(allow_missing=True) for stage in self._repo.index.stages)

    def outputs(self) -> list[Output]:
        """All that DVC keeps for the workspace. Raises StorageError for one of a kind that is not checked here."""
        outs = self._repo.index.outs
        return [self._output(out) for out in outs if out.use_cache and not out.stage.is_repo_import]

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
def locked_repo(root: Path) -> Iterator[Repo]:
    """The DVC repository at `root`, under DVC's own lock. Raises Busy or StorageError, see `dvc_error`."""
    from dvc.repo import lock_repo

    with dvc_errors(), bare_repo(root) as repo, lock_repo(repo):
        yield Repo(repo)


def open_repo(root: Path) -> Repo:
    """The DVC repository at `root`, which restores no object of its cache unchecked, and takes its lock when needed.

    Raises StorageError where it is no repository, or its settings are broken.
    """
    repo = bare_repo(root)
    _verify_cache(repo)
    return Repo(repo)


def bare_repo(root: Path) -> "DvcRepo":
    """DVC's own view on the repository at `root`, which logs errors alone. Raises StorageError where there is none."""
    from dvc.repo import Repo as DvcRepo

    for name in ("dvc", "dvc_data"):  # the latter warns of every output that was never made
        logging.getLogger(name).setLevel(logging.ERROR)
    with dvc_errors():
        return DvcRepo(str(root))


def proven_commit(root: Path, repo: Repo) -> str:
    """The commit whose code and parameters made what dvc.lock names; empty where a file differs from either.

    What a run writes, the locks, is no difference. It may have begun before that commit: DVC compares contents.
    """
    known = git_state(root)
    clean = known.get("graftline.git_dirty") == "false"
    return known["graftline.git_commit"] if clean and repo.is_as_locked() else ""


def settings(root: Path) -> "Config":
    """What .dvc/config and .dvc/config.local say; the defaults where there are none. Raises StorageError."""
    from dvc.config import Config

    with dvc_errors():
        return Config(str(root / ".dvc"))


@contextmanager
def dvc_errors() -> Iterator[None]:
    """Whatever DVC raises inside the block, as one of ours."""
    from dvc.exceptions import DvcException, RevCollectionError

    try:
        yield
    except (DvcException, sqlite3.Error) as error:
        why = error
        if isinstance(error, RevCollectionError) and error.__cause__:  # it says only that it failed
            why = error.__cause__
        known = dvc_error(why) or StorageError(f"DVC cannot read this workspace: {_words(why)}.", RESTORE)
        raise known from None


def dvc_error(error: BaseException) -> GraftlineError | None:
    """What is wrong with a repository, by DVC's own class of error, and what fixes it; None for any other error."""
    from dvc.config import ConfigError
    from dvc.exceptions import NotDvcRepoError
    from dvc.lock import LockError
    from dvc.scm import SCMError
    from dvc.utils.strictyaml import YAMLFileCorruptedError, YAMLValidationError

    match error:
        case LockError():
            return Busy("DVC's lock is held by another process.", "Wait for it, or stop it.")
        case NotDvcRepoError():
            return StorageError(
                "This folder has no .dvc, so DVC knows no output of it.",
                "Work in a clone of the project (git clone), or restore it: git checkout .dvc. In a project that never "
                "had it: dvc init.",
            )
        case SCMError():
            return StorageError(
                f"DVC needs a git repository: {_words(error)}.",
                "A download without .git is none: clone the project (git clone), or run `git init` here.",
            )
        case ConfigError():
            return StorageError(
                f"DVC's settings cannot be used: {_words(error).removeprefix('config file error: ')}.",
                "Correct .dvc/config (git checkout .dvc/config) or .dvc/config.local.",
            )
        case YAMLFileCorruptedError() | YAMLValidationError():
            return StorageError(
                f"DVC cannot read one of its files, as after a merge or a crash: {_words(error)}.", RESTORE
            )
        case sqlite3.Error():
            return _notes_error(error)
    return None


def _notes_error(error: sqlite3.Error) -> GraftlineError:
    """What DVC notes of files' sizes and times, in SQLite: by SQLite's own code, what is wrong with it."""
    code = getattr(error, "sqlite_errorname", "")
    said = f"What DVC notes of files cannot be used: {_words(error)}"
    if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return Busy(f"{said}.", "Another process of DVC is at work here: wait for it, or stop it.")
    if code.startswith(("SQLITE_FULL", "SQLITE_IOERR")):
        return StorageError(f"{said}.", f"Free some room, or check the disk, {AGAIN}")
    if code.startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_PERM", "SQLITE_AUTH")):
        return StorageError(f"{said}.", f"Let this user write to its folders: {NOTES}; {AGAIN}")
    return StorageError(f"{said}.", f"Remove its folders, which DVC makes again: {NOTES}; {AGAIN}")


def _words(error: BaseException) -> str:
    return first_line(error).rstrip(".")


def _verify_cache(repo: "DvcRepo") -> None:
    """Let DVC, in this process, hash each object of its cache before it restores it: it believes read-only ones."""
    from dvc_data.hashfile.db import HashFileDB

    cache = repo.cache.local
    # Its own check for remotes: by the bytes, without what was noted of size and time; what is damaged is removed.
    cache.check = HashFileDB(cache.fs, cache.path, hash_name=cache.hash_name).check
