"""One downloaded file that is known by its digest but should be called by its own name."""

from pathlib import Path

from components.errors import SourceRefused
from components.sources.base import Entries, Entry, contained


class FileSource:
    """A verified file at `path`, listed as `name`."""

    def __init__(self, uri: str, path: Path, name: str, sha256: str) -> None:
        self.uri = uri
        self._path = path
        self._entry = Entry(contained(name or "file"), path.stat().st_size, sha256)

    @property
    def revision(self) -> str:
        """The file's digest."""
        return self._entry.sha256

    def list(self) -> Entries:
        return [self._entry]

    def read(self, path: str) -> bytes:
        if path != self._entry.path:
            raise SourceRefused(f"{self.uri} holds no file {path!r}.")
        return self._path.read_bytes()
