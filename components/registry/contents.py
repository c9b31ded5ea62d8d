"""The files of a version as the registry has them, compared with what the ledger names."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from components.errors import DigestMismatch, GraftlineError, RegistryError, short_digests
from components.registry.guard import database
from components.registry.ledger import Version
from components.registry.model import BUNDLE, REFERENCES, folder_digest
from components.registry.reference import REFERENCE_TAG
from components.registry.register import SAMPLES, WHOLE, download
from components.registry.store import Connection
from components.storage.publish import sha256_file, sha256_tree

PATIENCE = 60.0  # seconds for a registry that is away


@dataclass(frozen=True)
class VersionFiles:
    """Bytes as the registry has them, found to be the named ones.

    Attributes:
        whole: all files of the version; None where its ledger entry names the release and the samples only.
    """

    release: Path
    samples: Path
    whole: Path | None = None


@contextmanager
def fetched(connection: Connection, name: str, version: Version) -> Iterator[VersionFiles]:
    """The version's files in a folder of their own, once they are found to be the ones that `version` names.

    Raises RegistryError where they cannot be read, DigestMismatch where they are others.
    """
    with tempfile.TemporaryDirectory(prefix="graftline-") as folder:
        # A server comes back; files of this host do not.
        patience = 0.0 if database(connection.place) else PATIENCE
        what = f"{name} version {version.number} at {connection.place}"

        def get(part: str) -> Path:
            return connection.ask(lambda: download(connection, name, version.number, folder, part), patience)

        try:
            found = _parts(get, version)
            wrong = list(_differences(version, found))
        except (GraftlineError, OSError) as error:
            said = error.message if isinstance(error, GraftlineError) else str(error)
            raise RegistryError(f"The files of {what} cannot be read: {said}", "Nothing was moved.") from None
        if wrong:
            raise DigestMismatch(
                f"{what} has other bytes than those that were judged: {wrong[0]}.",
                "Nothing was moved. Bring its files back from a backup, or roll back to another version.",
            )
        yield found


def _parts(get: Callable[[str], Path], version: Version) -> VersionFiles:
    if not version.folder:
        return VersionFiles(get(BUNDLE), get(SAMPLES))
    whole = get(WHOLE)
    return VersionFiles(whole / BUNDLE, whole / SAMPLES, whole)


def _differences(version: Version, found: VersionFiles) -> Iterator[str]:
    """Which parts are others than `version` names."""
    parts = {
        "release/": (version.digest, sha256_tree(found.release)),
        SAMPLES: (version.samples, sha256_file(found.samples)),
    }
    if found.whole is not None:
        parts["a file beside release/ (MLmodel, model.onnx, conda.yaml, dvc.lock, …)"] = (
            version.folder,
            folder_digest(found.whole),
        )
    for part, (named, there) in parts.items():
        if named != there:
            ours, theirs = short_digests(named, there)
            yield f"{part} is {theirs} instead of {ours}"


def verify(connection: Connection, name: str, version: Version) -> str:
    """Which of the version's files were compared. Raises as `fetched`, and DigestMismatch for its reference."""
    with fetched(connection, name, version):
        pass
    covered = "all of its files" if version.folder else "release and samples only"
    return f"{covered}{_verify_reference(connection, name, version)}"


def _verify_reference(connection: Connection, name: str, version: Version) -> str:
    """The reference of monitoring comes after a promotion, so it is held to its tag, not to the ledger."""
    listed = connection.ask(lambda: connection.client.get_model_version(name, version.number), PATIENCE)
    digest = listed.tags.get(REFERENCE_TAG, "")
    if not digest:
        return ""
    part = f"{REFERENCES}/{digest}.parquet"
    with tempfile.TemporaryDirectory(prefix="graftline-") as folder:
        get = partial(download, connection, name, version.number, folder, part)
        if sha256_file(connection.ask(get, 0.0)) != digest:
            raise DigestMismatch(
                f"The reference of {name} version {version.number} has other bytes than its tag names.",
                f"Make it again: python -m flows.monitor reference --version {version.number}",
            )
    return "; the reference of monitoring is the one that its tag names"
