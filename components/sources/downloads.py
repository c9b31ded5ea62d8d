"""The folder of downloads: what is in it under its digest is what the digest says.

downloads/<sha256>                      whole and verified
downloads/<sha256>.part                 begun; the next run continues it
downloads/quarantine/<expected>.<got>   came under a name that it does not deserve
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from components.errors import SourceError
from components.progress import log
from components.sources.base import check_digest, file_digest, public
from components.system_errors import remedy_of


class Downloads:
    """Files below `cache/downloads`, by digest."""

    def __init__(self, cache: Path) -> None:
        self.folder = cache / "downloads"

    def find(self, sha256: str) -> Path | None:
        """The verified file, or None. One that has been damaged since goes to quarantine."""
        path = self.folder / sha256
        if not path.is_file():
            return None
        actual = file_digest(path)
        if actual == sha256:
            return path
        kept = self._quarantine(path, sha256, actual)
        log(f"{path.name[:12]}… in downloads/ is damaged (moved to {kept}); it is fetched again.")
        return None

    @contextmanager
    def begin(self, sha256: str) -> Iterator[Path]:
        """Yield the `.part` file, locked: a second process waits, then finds the file or continues it."""
        part = self.folder / f"{sha256}.part"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with (self.folder / f"{sha256}.lock").open("a") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield part
        except OSError as error:
            raise SourceError(
                f"{self.folder} cannot be written: {error.strerror or error}.",
                f"{remedy_of(error)} What was fetched is kept.".lstrip(),
            ) from error

    def settle(self, part: Path, sha256: str, uri: str) -> Path:
        """Verify `part` and give it its name; a wrong one goes to quarantine, with DigestMismatch."""
        actual = file_digest(part)
        if actual != sha256:
            kept = self._quarantine(part, sha256, actual)
            check_digest(f"{uri} (kept as {kept})", sha256, actual)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        target = self.folder / sha256
        part.replace(target)
        (self.folder / f"{sha256}.lock").unlink(missing_ok=True)
        log(f"Fetched {public(uri)}.")
        return target

    def _quarantine(self, path: Path, expected: str, actual: str) -> Path:
        kept = self.folder / "quarantine" / f"{expected}.{actual}"
        kept.parent.mkdir(parents=True, exist_ok=True)
        path.replace(kept)
        return kept
