"""`file:` – a folder, a file or a zip archive on this machine or on a mounted share."""

import errno
import hashlib
import os
import stat
from collections.abc import Sequence
from pathlib import Path

from components.errors import SourceError, SourceRefused
from components.progress import progress
from components.sources.base import Entries, Entry, check_digest, contained, file_digest, listing_digest

# What another attempt will not change; a share that is away for a moment, it may.
FOR_GOOD = {errno.EACCES, errno.EPERM, errno.ENOENT, errno.ELOOP, errno.ENOTDIR, errno.ENAMETOOLONG}


class FolderSource:
    """Regular files below a folder, or one file.

    Links to files are followed where they stay inside; links that leave, links to folders, and devices are
    refused: what they show could change under one name, or without end.

    `sha256` pins the content: of the file, or of the listing (`listing_digest`) for a folder. With `only`, a folder
    is those of its files that are named so; the others are neither read nor listed.
    """

    def __init__(
        self,
        uri: str,
        root: Path,
        sha256: str | None = None,
        revision: str | None = None,
        only: Sequence[str] = (),
    ) -> None:
        if not root.exists():
            raise SourceRefused(
                f"{uri}: {root} does not exist.", "Relative paths start at the workspace's root."
            )
        self.uri = uri
        self._single = root.is_file()
        self._root = (root.parent if self._single else root).resolve()
        self._names = (root.name,) if self._single else only
        self._sha256 = sha256
        self._revision = revision
        self._entries: dict[str, Entry] | None = None

    @property
    def revision(self) -> str:
        """A given one (a commit), or the digest of the file or of the listing."""
        return self._revision or self._digest(self.list())

    def list(self) -> Entries:
        """Every file is hashed, once for this object."""
        if self._entries is None:
            paths = self._walk() if not self._names else [n for n in sorted(self._names) if self._there(n)]
            entries = [self._entry(path) for path in progress(paths, "hash source", "file")]
            check_digest(self.uri, self._sha256, self._digest(entries) if self._sha256 else "")
            self._entries = {entry.path: entry for entry in entries}
        return list(self._entries.values())

    def read(self, path: str) -> bytes:
        """The file's bytes, checked against the listing."""
        self.list()
        entry = (self._entries or {}).get(path)
        if entry is None:
            raise SourceRefused(f"{self.uri} holds no file {path!r}.")
        data = self._regular(path).read_bytes()
        check_digest(
            f"{self.uri}: {path} (changed while it was read)", entry.sha256, hashlib.sha256(data).hexdigest()
        )
        return data

    def _digest(self, entries: Entries) -> str:
        return entries[0].sha256 if self._single else listing_digest(entries)

    def _walk(self) -> Sequence[str]:
        found = []
        for folder, folders, files in os.walk(self._root, onerror=self._unreadable):
            here = Path(folder)
            for name in folders:
                if (here / name).is_symlink():
                    raise SourceRefused(
                        f"{self.uri}: {(here / name).relative_to(self._root)} is a link to a folder.",
                        "Put the folder itself there, or name it as the source.",
                    )
            found += [contained((here / name).relative_to(self._root).as_posix()) for name in files]
        return sorted(found)

    def _there(self, name: str) -> bool:
        return self._single or (self._root / name).exists()

    def _unreadable(self, error: OSError) -> None:
        raise self._cannot_read(str(error.filename), error) from error

    def _cannot_read(self, path: str, error: OSError) -> SourceError:
        kind = SourceRefused if error.errno in FOR_GOOD else SourceError
        return kind(f"{self.uri}: {path} cannot be read: {error.strerror}.")

    def _regular(self, path: str) -> Path:
        """The file behind `path`, if it is a regular file inside the root."""
        file = self._root / path
        try:
            resolved = file.resolve(strict=True)
        except OSError as error:
            raise self._cannot_read(path, error) from error
        if not resolved.is_relative_to(self._root):
            raise SourceRefused(
                f"{self.uri}: {path} is a link that leaves the folder.", "Put the file itself there."
            )
        if not stat.S_ISREG(resolved.stat().st_mode):
            raise SourceRefused(f"{self.uri}: {path} is not a regular file.", "Remove it from the source.")
        return resolved

    def _entry(self, path: str) -> Entry:
        file = self._regular(path)
        try:
            return Entry(path, file.stat().st_size, file_digest(file))
        except OSError as error:
            raise self._cannot_read(path, error) from error
