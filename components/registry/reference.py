"""What is kept beside a version for those who watch it: one file, known by the digest in the version's tag.

The file lies there under its digest before the tag names it. Whoever dies in between leaves a file that nobody names;
the same command brings the same bytes again.
"""

import re
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from components.errors import DigestMismatch, RegistryError
from components.params.operation import TrackingParams
from components.registry.fetch import check_version, find_version
from components.registry.guard import database
from components.registry.model import REFERENCES
from components.registry.register import CONTRACT_TAG, DIGEST_TAG, SAMPLES, SAMPLES_TAG, download, find
from components.registry.store import Connection, connect, patiently
from components.storage.home import home
from components.storage.publish import kernel_lock, sha256_bytes, write_bytes

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

REFERENCE_TAG = "graftline.reference_sha256"
MODEL = re.compile(r"m-[0-9a-f]{32}")
PATIENCE = 60.0  # seconds for a registry that is away
MAKE = "Make one: python -m flows.monitor reference --version {version}"


@dataclass(frozen=True)
class Watched:
    """A registered version, as the one who watches it sees it.

    Attributes:
        digest: of its release.
        reference: SHA-256 of its reference; empty where it has none.
    contract: digest of what its release promises; empty where nobody kept it.
    """

    name: str
    version: str
    digest: str
    reference: str
    contract: str = ""


class Shelf:
    """The versions of a model and their references; `home` keeps copies of what was fetched."""

    def __init__(self, root: Path, tracking: TrackingParams) -> None:
        """Raises RegistryError where the registry cannot be reached."""
        self._root, self._home = root, home(root)
        self._connection: Connection = patiently(lambda: connect(root, tracking))
        self._name = tracking.model

    def find(self, version: str | None = None, alias: str = "champion") -> Watched:
        """Raises RegistryError where there is no such version, and what `serving.check` raises."""
        found = find_version(self._connection, self._name, version, alias, self._root)
        check_version(self._connection, found, version, alias)
        tags = found.tags
        kept = (tags.get(name, "") for name in (DIGEST_TAG, REFERENCE_TAG, CONTRACT_TAG))
        return Watched(str(found.name), str(found.version), *kept)

    def of_release(self, digest: str) -> Watched:
        """Raises RegistryError where no version is of the release with that digest."""
        found = self._connection.ask(lambda: find(self._connection, self._name, digest))
        if found is None:
            raise RegistryError(
                f"No version of {self._name} is of the release {digest[:12]}.",
                "Score with a registered version; check tracking.uri and tracking.model in params.yaml.",
            )
        return self.find(str(found.version))

    def samples(self, watched: Watched) -> bytes:
        """The list of the samples that it was made from.

        Raises RegistryError where it has none, DigestMismatch where it is another than the registered one.
        """
        listed = self._version(watched).tags.get(SAMPLES_TAG, "")
        if not listed:
            raise RegistryError(
                f"{watched.name} version {watched.version} has no list of the samples that it was made from, so "
                "nobody can say which it was not trained on.",
                "Delete the version in MLflow, and run: python -m components register",
            )
        return self._get(watched, SAMPLES, listed)

    def reference(self, watched: Watched) -> bytes:
        """Raises RegistryError where it has none, DigestMismatch where the registry gives other bytes."""
        if not watched.reference:
            raise RegistryError(
                f"{watched.name} version {watched.version} has no reference to compare with.",
                MAKE.format(version=watched.version),
            )
        kept = self._home / "references" / f"{watched.reference}.parquet"
        if kept.exists() and sha256_bytes(data := kept.read_bytes()) == watched.reference:
            return data
        data = self._get(watched, f"{REFERENCES}/{watched.reference}.parquet", watched.reference)
        write_bytes(kept, data)
        return data

    def keep(self, watched: Watched, data: bytes) -> Watched:
        """Make `data` the reference of the version, in place of another one; twice is once."""
        digest = sha256_bytes(data)
        with kernel_lock(self._home / "locks" / "reference", wait_seconds=600):
            if not self._holds(watched, digest):
                self._upload(watched, data, digest)
                self._get(watched, f"{REFERENCES}/{digest}.parquet", digest)
                client = self._connection.client
                self._connection.ask(
                    lambda: client.set_model_version_tag(watched.name, watched.version, REFERENCE_TAG, digest)
                )
        return replace(watched, reference=digest)

    def _holds(self, watched: Watched, digest: str) -> bool:
        if self._version(watched).tags.get(REFERENCE_TAG) != digest:
            return False
        try:
            self._get(watched, f"{REFERENCES}/{digest}.parquet", digest)
        except (DigestMismatch, RegistryError):
            return False  # what was lost or changed there is brought again
        return True

    def _version(self, watched: Watched) -> "ModelVersion":
        return find_version(self._connection, watched.name, watched.version, "", self._root)

    def _upload(self, watched: Watched, data: bytes, digest: str) -> None:
        # The SQL store does not give the model's id back, but the place of its files holds it.
        found = MODEL.search(str(self._version(watched).source))
        if found is None:
            raise RegistryError(
                f"{watched.name} version {watched.version} was not registered by this project.",
                "Register the release again: python -m components register",
            )
        client = self._connection.client
        with tempfile.TemporaryDirectory(prefix="graftline-") as folder:
            file = Path(folder) / f"{digest}.parquet"
            file.write_bytes(data)
            self._connection.ask(lambda: client.log_model_artifact(found[0], str(file), REFERENCES))

    def _get(self, watched: Watched, what: str, digest: str) -> bytes:
        with tempfile.TemporaryDirectory(prefix="graftline-") as folder:
            # A server comes back; files of this host do not.
            patience = 0.0 if database(self._connection.place) else PATIENCE
            path = self._connection.ask(
                lambda: download(self._connection, watched.name, watched.version, folder, what), patience
            )
            data = path.read_bytes() if path.is_file() else b""
        if sha256_bytes(data) != digest:
            raise DigestMismatch(
                f"{what} of {watched.name} version {watched.version} has other bytes than the registry names.",
                f"Check who can write to the registry's artefacts. {MAKE.format(version=watched.version)}",
            )
        return data
