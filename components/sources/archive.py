"""Zip archives (wheels are zips too), read without being unpacked: nothing in them chooses where it lands."""

import hashlib
import stat
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from components.errors import SourceRefused
from components.progress import progress
from components.sources.base import Entries, Entry, contained, file_digest

MIB = 2**20


@dataclass(frozen=True)
class Caps:
    """What an archive may ask for: files, bytes of one file and of all, and how much it may swell."""

    files: int = 2_000_000
    file_bytes: int = 8 * 1024 * MIB
    total_bytes: int = 512 * 1024 * MIB
    ratio: int = 200


CAPS = Caps()


class ArchiveSource:
    """The files of a verified zip below `prefix`, which may also name one file.

    The whole archive is refused (SourceError) for one link, device, encrypted member, double name or path
    that is absolute or climbs, and where the sizes in its directory go beyond `caps`. Reading stops there.
    """

    def __init__(
        self, uri: str, archive: Path, prefix: str = "", revision: str | None = None, caps: Caps = CAPS
    ) -> None:
        self.uri = uri
        self._archive = archive
        self._revision = revision
        try:
            self._zip = zipfile.ZipFile(archive)
        except (zipfile.BadZipFile, OSError) as error:
            raise SourceRefused(f"{uri} is not a readable zip archive: {error}.") from error
        self._members = self._below(self._checked(caps), prefix.strip("/"))
        self._entries: Entries | None = None

    @property
    def revision(self) -> str:
        """A given one (name and version), or the archive's digest."""
        return self._revision or file_digest(self._archive)

    def paths(self) -> Sequence[str]:
        """All files, sorted; none is read."""
        return sorted(self._members)

    def list(self) -> Entries:
        """Every member is read and hashed, once for this object."""
        if self._entries is None:
            named = progress(self.paths(), "hash source", "file")
            self._entries = [self._entry(path) for path in named]
        return list(self._entries)

    def read(self, path: str) -> bytes:
        """A member's bytes; the zip's checksum is verified, the archive's digest was before."""
        if path not in self._members:
            raise SourceRefused(f"{self.uri} holds no file {path!r}.")
        info = self._members[path]
        try:
            with self._zip.open(info) as file:
                data = file.read(info.file_size)
                rest = file.read(1)
        except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError) as error:
            raise SourceRefused(f"{self.uri}: {path} is damaged: {error}.") from error
        if rest or len(data) != info.file_size:
            raise SourceRefused(f"{self.uri}: {path} is not as long as the archive says.")
        return data

    def _entry(self, path: str) -> Entry:
        data = self.read(path)
        return Entry(path, len(data), hashlib.sha256(data).hexdigest())

    def _refuse(self, why: str) -> SourceRefused:
        return SourceRefused(f"{self.uri} is refused: {why}.", "Do not unpack it elsewhere either.")

    def _checked(self, caps: Caps) -> dict[str, zipfile.ZipInfo]:
        infos = self._zip.infolist()
        total = sum(info.file_size for info in infos)
        if len(infos) > caps.files:
            raise self._refuse(f"{len(infos)} members, more than {caps.files}")
        if total > caps.total_bytes or any(info.file_size > caps.file_bytes for info in infos):
            raise self._refuse(f"its members add up to {total} bytes, more than the cap")
        if total > caps.ratio * self._archive.stat().st_size + MIB:
            raise self._refuse(f"it would swell to more than {caps.ratio} times its size")
        members: dict[str, zipfile.ZipInfo] = {}
        for info in infos:
            if info.is_dir():
                contained(info.filename.rstrip("/"))
                continue
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFREG):
                raise self._refuse(f"{info.filename!a} is a link or a device")
            if info.flag_bits & 1:
                raise self._refuse(f"{info.filename!a} is encrypted")
            if contained(info.filename) in members:
                raise self._refuse(f"{info.filename!a} is in it twice")
            members[info.filename] = info
        return members

    def _below(self, members: dict[str, zipfile.ZipInfo], prefix: str) -> dict[str, zipfile.ZipInfo]:
        if prefix in members:
            return {prefix.rsplit("/", 1)[-1]: members[prefix]}
        start = f"{prefix}/" if prefix else ""
        below = {name.removeprefix(start): info for name, info in members.items() if name.startswith(start)}
        if not below:
            raise SourceRefused(f"{self.uri}: the archive holds nothing below {prefix!r}.")
        return below
