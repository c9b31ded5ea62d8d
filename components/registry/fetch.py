"""A registered release on this disk: found by alias or version, downloaded once, known by its digest."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from components.errors import DigestMismatch, RegistryError
from components.params.operation import TrackingParams
from components.params.scoring import CHAMPION
from components.registry.register import CONTRACT_TAG, DIGEST_TAG, VERIFIED_TAG, download
from components.registry.serving import check
from components.registry.store import Connection, connect, is_absent, patiently
from components.registry.verdicts import refused_here
from components.storage.home import home
from components.storage.publish import kernel_lock, publish_folder, sha256_tree, write_bytes

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

T = TypeVar("T")


@dataclass(frozen=True)
class Fetched:
    """Attributes:
    digest: SHA-256 of the bundle in `folder` (`storage.publish.sha256_tree`), as the registry names it.
    contract: digest of what it promises its callers (`inference.contract`); empty where nobody kept it.
    """

    name: str
    version: str
    digest: str
    folder: Path
    contract: str


def fetch(
    root: Path, tracking: TrackingParams, version: str | None = None, alias: str = "champion"
) -> Fetched:
    """The release of `version`, or else of the version that has `alias`, in `.graftline/models/<digest>`.

    Raises RegistryError for a version that is not there, was not made by us or never verified; DigestMismatch where
    the registry's bytes are not those that were registered.
    """
    connection, found = look_up(root, tracking, version, alias)
    digest = found.tags.get(DIGEST_TAG, "")
    if not digest or found.tags.get(VERIFIED_TAG) != "true":
        raise RegistryError(
            f"{found.name} version {found.version} was not verified after its upload.",
            "Run: python -m components register. Or name another.",
        )
    folder = home(root) / "models" / digest
    with kernel_lock(home(root) / "locks" / "models", wait_seconds=600):
        if not folder.is_dir() or sha256_tree(folder) != digest:
            _bring(connection, found, folder, digest)
    return Fetched(str(found.name), str(found.version), digest, folder, found.tags.get(CONTRACT_TAG, ""))


def look_up(
    root: Path, tracking: TrackingParams, version: str | None = None, alias: str = CHAMPION
) -> "tuple[Connection, ModelVersion]":
    """The version that is asked for, once the ledger was asked about it, too.

    Raises RegistryError where there is none, and as `serving.check`.
    """
    connection = patiently(lambda: connect(root, tracking))
    found = find_version(connection, tracking.model, version, alias, root)
    check_version(connection, found, version, alias)
    return connection, found


def _bring(connection: Connection, version: "ModelVersion", folder: Path, digest: str) -> None:
    with tempfile.TemporaryDirectory(prefix="graftline-") as place:
        got = connection.ask(lambda: download(connection, version.name, str(version.version), place))
        if not got.is_dir() or sha256_tree(got) != digest:
            raise DigestMismatch(
                f"{version.name} version {version.version} is not the release that was registered: the registry gives "
                f"other bytes than {digest[:12]}.",
                "Do not use that version; check who can write to the registry's artefacts.",
            )
        with publish_folder(folder) as made:
            for file in got.iterdir():
                write_bytes(made / file.name, file.read_bytes())


def find_version(
    connection: Connection, name: str, version: str | None, alias: str, root: Path
) -> "ModelVersion":
    """The version as the registry lists it: to be believed once `check_version` was asked.

    Raises RegistryError where there is none, which says so where the gate refused the release in the workspace `root`.
    """
    client = connection.client
    if version is not None:
        return _asked(
            lambda: client.get_model_version(name, version),
            f"{name} has no version {version}.",
            "Look into the registry: make mlflow.",
        )
    model = _found(lambda: client.get_registered_model(name))
    if model is None:
        why, see = refused_here(root)
        raise RegistryError(
            f"The registry at {connection.place} holds no model {name}{f': {why}' if why else ''}.",
            see or "Run: make run. Or check tracking.uri and tracking.model in params.yaml.",
        )
    if alias not in model.aliases:
        known = ", ".join(sorted(model.aliases)) or "none"
        raise RegistryError(
            f"No version of {name} has the alias {alias!r}. Aliases: {known}.",
            "Make the release of this workspace champion: python -m flows.promote. Or choose a version: --version N."
            if alias == CHAMPION
            else "Choose another one by --alias, or a version: --version N.",
        )
    number = str(model.aliases[alias])
    return _asked(lambda: client.get_model_version(name, number), f"{name} has no version {number}.", "")


def check_version(connection: Connection, found: "ModelVersion", version: str | None, alias: str) -> None:
    """Ask the ledger about `found`, which was looked for as `find_version` does (components.registry.serving)."""
    champion = version is None and alias == CHAMPION
    check(connection.place, found.name, str(found.version), found.tags.get(DIGEST_TAG, ""), champion)


def _asked(call: Callable[[], T], absent: str, remedy: str) -> T:
    """What `call` gives; RegistryError where the registry holds no such thing, or stays away."""
    found = _found(call)
    if found is None:
        raise RegistryError(absent, remedy)
    return found


def _found(call: Callable[[], T]) -> T | None:
    """The same; None where the registry holds no such thing."""

    def ask() -> T | None:
        try:
            return call()
        except Exception as error:
            if not is_absent(error):
                raise
            return None

    return patiently(ask)
