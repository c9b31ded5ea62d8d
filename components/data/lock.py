"""data/source.lock: what `refresh` saw at the source. A text, so that git and `dvc diff` show what changed.

The first line is a JSON object {uri, revision, licence, layout}; then one line a file, sorted by path:
`sha256  size  path`.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path

from components.errors import DataError, DigestMismatch
from components.sources.base import Entry, Source

REFRESH = "Run `python -m components refresh`."
LINE = re.compile(r"^([0-9a-f]{64})  (\d+)  (\S.*)$")


@dataclass(frozen=True)
class Lock:
    uri: str
    revision: str
    licence: str
    layout: str
    entries: tuple[Entry, ...]

    def text(self) -> str:
        head = {"uri": self.uri, "revision": self.revision, "licence": self.licence, "layout": self.layout}
        lines = [json.dumps(head, sort_keys=True, ensure_ascii=False)]
        lines += [f"{entry.sha256}  {entry.size}  {entry.path}" for entry in sorted(self.entries)]
        return "\n".join(lines) + "\n"


class LockedSource:
    """A source that answers with the bytes that the lock names, or not at all."""

    def __init__(self, lock: Lock, source: Source) -> None:
        self._source = source
        self._entries = {entry.path: entry for entry in lock.entries}

    def read(self, path: str) -> bytes:
        """The bytes of one file. DataError: not in the lock. DigestMismatch: changed since refresh."""
        entry = self._entries.get(path)
        if entry is None:
            raise DataError(f"{path} is not in data/source.lock.", REFRESH)
        data = self._source.read(path)
        actual = hashlib.sha256(data).hexdigest()
        if actual != entry.sha256:
            raise DigestMismatch(
                f"{path} at {self._source.uri} has SHA-256 {actual}; data/source.lock says {entry.sha256}.",
                f"The source has changed since it was looked at. {REFRESH}",
            )
        return data


def read_lock(path: Path) -> Lock:
    """The lock in `path`; a DataError where it is missing or damaged."""
    try:
        first, *lines = path.read_text(encoding="utf-8").splitlines()
        head = json.loads(first)
        entries = tuple(_entry(line) for line in lines)
        return Lock(head["uri"], head["revision"], head["licence"], head["layout"], entries)
    except FileNotFoundError:
        raise DataError(f"{path} does not exist.", REFRESH) from None
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} is damaged: {error}.", REFRESH) from None


def locate(uri: str, root: Path) -> str:
    """`uri`, a relative `file:` one starting at `root` instead of wherever this process runs."""
    if not uri.startswith("file:"):
        return uri
    return f"file:{(root / uri.removeprefix('file:')).resolve()}"


def _entry(line: str) -> Entry:
    found = LINE.match(line)
    if found is None:
        raise ValueError(f"line {line[:80]!r} is not `sha256  size  path`")
    return Entry(path=found[3], size=int(found[2]), sha256=found[1])
