"""What is used of DVC's own classes, which have no types."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from components.errors import GraftlineError
from components.progress import log
from components.registry.lineage import git_state
from components.stages.dvc_repo import bare_repo, dvc_errors, verified_cache
from components.stages.dvc_repo import open_repo as open_checked
from components.stages.pull import bring_back


class DvcStage(Protocol):
    @property
    def addressing(
        self,
    ) -> str: ...  # the name; of another dvc.yaml in the repository, with its path before it
    def changed(self, allow_missing: bool) -> bool: ...


class Index(Protocol):
    @property
    def stages(self) -> Sequence[DvcStage]: ...


class Repo(Protocol):
    """What is used of `dvc.repo.Repo`."""

    @property
    def index(self) -> Index: ...
    @property
    def lock(self) -> AbstractContextManager[object]: ...
    def reproduce(self, targets: str, single_item: bool) -> Sequence[object]: ...


def open_repo(root: Path) -> Repo:
    """Raises StorageError where it is no repository, or its settings are broken."""
    repo: Repo = bare_repo(root)
    verified_cache(repo)
    return repo


def stages_up_to_date(repo: Repo) -> frozenset[str]:
    """Stages whose command, parameters, code, inputs and outputs are those of dvc.lock."""
    with dvc_errors(), repo.lock:
        return frozenset(
            stage.addressing for stage in repo.index.stages if not stage.changed(allow_missing=False)
        )


def as_locked(repo: Repo) -> bool:
    """Whether commands, parameters and code are those of dvc.lock; outputs that are not there are left out."""
    with dvc_errors(), repo.lock:
        return not any(stage.changed(allow_missing=True) for stage in repo.index.stages)


def proven(root: Path, repo: Repo) -> str:
    """The commit whose code and parameters made what dvc.lock names; empty where a file differs from either.

    What a run writes, the locks, is no difference. It may have begun before that commit: DVC compares contents.
    """
    known = git_state(root)
    clean = known.get("graftline.git_dirty") == "false"
    return known["graftline.git_commit"] if clean and as_locked(repo) else ""


def restore(root: Path) -> None:
    """Bring back what dvc.lock names and the cache has whole; whatever is missing, the stages make."""
    try:
        with open_checked(root) as repo:
            bring_back(root, repo)
    except GraftlineError as error:
        log(f"Nothing is brought back from DVC's cache: {error}")
