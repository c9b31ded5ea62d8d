"""Versions at the registry that nothing needs any more, and uploads that no version names."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from components.params.operation import TrackingParams
from components.progress import progress
from components.registry.delivery import deliver_now
from components.registry.desk import Desk, open_desk
from components.registry.history import MOVED, State
from components.registry.ledger import Entry
from components.registry.register import DIGEST_TAG, LOCK, download
from components.registry.store import patiently
from components.storage.garbage import DAY, Item
from components.storage.home import home
from components.storage.publish import kernel_lock

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel, Run
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.store.artifact.artifact_repo import ArtifactRepository
    from mlflow.store.entities import PagedList

T = TypeVar("T")
LOCK_TAG = "graftline.dvc_lock_sha256"
PAGE = 1000


@dataclass(frozen=True)
class Needed:
    """A version that stays.

    Attributes:
        why: the reasons, for people.
        tags: its lineage, as it was registered.
    """

    number: str
    why: str
    tags: Mapping[str, str]

    @property
    def digest(self) -> str:
        return self.tags.get(DIGEST_TAG, "")


@contextmanager
def open_shelf(root: Path, tracking: TrackingParams, days: float, present: str) -> Iterator["Shelf"]:
    """The versions of a model while nobody registers one on this host; promotions and rollbacks go on.

    Args:
        days: what is younger, or was served since, is needed.
        present: digest of the workspace's release.

    Raises RegistryError where the registry cannot be asked, Busy where somebody is at it.
    """
    desk = open_desk(root, tracking)
    deliver_now(root, desk.connection)
    with kernel_lock(home(root) / "locks" / "register"):
        yield Shelf(desk, time.time() - days * DAY, present)


class Shelf:
    """Versions of one model, made or served since `since` (seconds since 1970), or not."""

    def __init__(self, desk: Desk, since: float, present: str) -> None:
        self._desk = desk
        self._client = desk.connection.client
        self._since = since
        self._present = present
        self._versions: list[ModelVersion] = self._list_versions()
        self.needed = self.look()

    def look(self) -> dict[str, Needed]:
        """What is needed now, by number."""
        reasons = self._reasons(self._present)
        return {
            number: Needed(number, ", ".join(why), self._tags(number))
            for number, why in reasons.items()
            if why
        }

    def items(self) -> list[Item]:
        """Versions, then uploads that no version names: what a killed registration, or a killed `free`, left."""
        made = []
        for version in progress(self._versions, "registered versions", "versions"):
            number = str(version.version)
            kept = self.needed[number].why if number in self.needed else ""
            made.append(Item(f"version {number}", self._size(str(version.source)), kept))
        for upload in progress(self._uploads(), "other uploads", "uploads"):
            young = "young" if upload.creation_timestamp / 1000 > self._since else ""
            made.append(Item(upload.model_id, self._size(upload.artifact_location), young))
        return made

    def free(self, item: Item) -> str:
        """The version goes first: what is left of it is an upload that the next call finds.

        Returns why it stays all the same, where somebody began to need it meanwhile: nobody moves the champion while
        that is asked and the version goes.
        """
        uploads = {upload.model_id: upload for upload in self._all_uploads()}
        if item.name.startswith("version "):
            number = item.name.removeprefix("version ")
            version = next(v for v in self._versions if str(v.version) == number)
            with self._desk.locked():
                if why := self._reasons(self._present).get(number):
                    return ", ".join(why)
                patiently(lambda: self._client.delete_model_version(self._desk.name, number))
            upload = next((u for u in uploads.values() if u.artifact_location == version.source), None)
        else:
            upload = uploads.get(item.name)
        if upload is not None:
            self._repository(upload.artifact_location).delete_artifacts()
            model_id = upload.model_id
            patiently(lambda: self._client.delete_logged_model(model_id))
        return ""

    def dvc_lock(self, version: Needed, folder: str) -> bytes | None:
        """The dvc.lock that was registered with it; None where there is none."""
        try:
            return download(self._desk.connection, self._desk.name, version.number, folder, LOCK).read_bytes()
        except Exception:  # MLflow's errors for what is not there are as many as its stores
            return None

    def _reasons(self, present: str) -> dict[str, list[str]]:
        entries = self._desk.ledger.entries()
        now = self._desk.state()
        scored = self._scored()
        aliases = self._aliases()
        served = dict(_served_since(entries, _text(self._since)))
        found = {}
        for version in self._versions:
            number, digest = str(version.version), version.tags.get(DIGEST_TAG, "")
            why = [f"alias {name}" for name in aliases.get(number, ())]
            why += ["what a rollback brings back"] if number in _back(now) else []
            why += ["a move to it is unfinished"] if now.coming and number == now.coming.number else []
            why += [f"champion until {served[number]}"] if number in served else []
            why += [f"scored on {scored[digest]}"] if digest in scored else []
            why += ["this workspace's release"] if digest and digest == present else []
            why += ["young"] if version.creation_timestamp / 1000 > self._since else []
            found[number] = why
        return found

    def _tags(self, number: str) -> dict[str, str]:
        return next(dict(v.tags) for v in self._versions if str(v.version) == number)

    def _list_versions(self) -> "list[ModelVersion]":
        query = f"name = '{self._desk.name}'"
        found: list[ModelVersion] = _pages(
            lambda token: self._client.search_model_versions(query, PAGE, page_token=token)
        )
        return sorted(found, key=lambda version: int(version.version))

    def _aliases(self) -> dict[str, list[str]]:
        if not self._versions:
            return {}
        model = patiently(lambda: self._client.get_registered_model(self._desk.name))
        found: dict[str, list[str]] = {}
        for name, number in model.aliases.items():
            found.setdefault(str(number), []).append(name)
        return found

    def _scored(self) -> dict[str, str]:
        """Digest of a release → the last day on which it scored something since."""
        found: dict[str, str] = {}
        for when in (f"attributes.start_time > {int(self._since * 1000)}", "attributes.status = 'RUNNING'"):
            query = f"tags.`graftline.engine` = 'score' and {when}"
            ask = partial(self._client.search_runs, [self._desk.connection.experiment], query, 1, PAGE, None)
            runs: list[Run] = _pages(ask)
            for run in runs:
                digest, day = run.data.params.get("release_sha256", ""), run.info.start_time / 1000
                found[digest] = max(found.get(digest, ""), _text(day)[:10])
        return found

    def _all_uploads(self) -> "list[LoggedModel]":
        experiment, query = self._desk.connection.experiment, f"name = '{self._desk.name}'"
        return _pages(lambda token: self._client.search_logged_models([experiment], query, page_token=token))

    def _uploads(self) -> "list[LoggedModel]":
        named = {version.source for version in self._versions}
        return [upload for upload in self._all_uploads() if upload.artifact_location not in named]

    def _size(self, location: str) -> int:
        def below(path: str | None) -> int:
            found = patiently(lambda: repository.list_artifacts(path))
            return sum(below(info.path) if info.is_dir else info.file_size or 0 for info in found)

        repository = self._repository(location)
        return below(None)

    def _repository(self, location: str) -> "ArtifactRepository":
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        return get_artifact_repository(location, tracking_uri=self._desk.connection.place.uri)


def _pages(ask: "Callable[[str | None], PagedList[T]]") -> list[T]:
    """Of an answer in pages, all of it."""
    page = patiently(lambda: ask(None))
    found = list(page)
    while page.token:
        token = page.token
        page = patiently(lambda: ask(token))  # noqa: B023 - called at once
        found += page
    return found


def _served_since(entries: list[Entry], since: str) -> Iterator[tuple[str, str]]:
    """Number → end of its reign, of each former champion whose reign ended after `since`."""
    moves = [entry for entry in entries if entry.note.kind == MOVED and entry.note.target]
    for entry, following in pairwise(moves):
        if following.at > since and entry.note.target:
            yield entry.note.target.number, following.at


def _back(now: State) -> set[str]:
    return {version.number for version in now.earlier[-1:]}


def _text(seconds: float) -> str:
    """As the ledger writes times."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
