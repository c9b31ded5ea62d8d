"""data/source.lock: what `refresh` saw at the source. A text, so that git and `dvc diff` show what changed.

The first line is a JSON object {uri, revision, licence, layout}; then one line a file, sorted by path:
`sha256  size  path`. A path that begins with a space or a quote, or holds a carriage return, is written as JSON.

Where the sides are told by the hash, the first line also holds `split`, and these lines follow, sorted:
`class  "name"`, a class whose samples have their sides for good, and `test  "key"`, the side of a content or a group
that the hash would have put elsewhere (components/data/dealing.py). With `data.labels.group`, `sample test  "id"` says
where each sample lies: a sample may come to further groups, or leave one, and its side must not follow. With
`data.split.folds` there are lines `fold 2  "key"` instead, for each group that was seen.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from components.data.splits import SIDES
from components.errors import DataError, DigestMismatch
from components.sources.base import Entry, Source

REFRESH = "Run `python -m components refresh`."
LINE = re.compile(r"([0-9a-f]{64})  (\d+)  (.+)")
SAMPLE = "sample "
FOLD = "fold "
RECORD = re.compile(rf'(class|{FOLD}\d{{1,6}}|(?:{SAMPLE})?(?:{"|".join(SIDES)}))  (".*")')
# Hexadecimal digits of a content's id that are written: a side is all that depends on them.
ID_DIGITS = 16


@dataclass(frozen=True)
class Assignments:
    """Sides that the hash alone does not give.

    Attributes:
        split: the salt, the shares and the column of groups that they belong to.
        classes: those whose samples have their sides for good, sorted.
        sides: content id or group → its side, of what the hash would have put elsewhere.
        samples: the first ID_DIGITS of a content id → its side, of all samples where there are groups.
        folds: group, or content id of what has none, → its fold.
    """

    split: Mapping[str, str | float]
    classes: tuple[str, ...]
    sides: Mapping[str, str]
    samples: Mapping[str, str] = field(default_factory=dict)
    folds: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Lock:
    """Attributes:
    assignments: None where the hash says all, or the data declare their sides.
    """

    uri: str
    revision: str
    licence: str
    layout: str
    entries: tuple[Entry, ...]
    assignments: Assignments | None = None

    def text(self) -> str:
        head: dict[str, object] = {
            "uri": self.uri,
            "revision": self.revision,
            "licence": self.licence,
            "layout": self.layout,
        }
        kept = self.assignments
        if kept is not None:
            head["split"] = dict(kept.split)
        lines = [json.dumps(head, sort_keys=True, ensure_ascii=False)]
        lines += [f"{entry.sha256}  {entry.size}  {_written(entry.path)}" for entry in sorted(self.entries)]
        if kept is not None:
            lines += [f"class  {json.dumps(name)}" for name in kept.classes]
            lines += [f"{side}  {json.dumps(key)}" for key, side in sorted(kept.sides.items())]
            lines += [f"{SAMPLE}{side}  {json.dumps(key)}" for key, side in sorted(kept.samples.items())]
            lines += [f"{FOLD}{fold}  {json.dumps(key)}" for key, fold in sorted(kept.folds.items())]
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
        # Names hold what `splitlines` takes for the end of a line; git may have written CRLF.
        first, *lines = (line.removesuffix("\r") for line in path.read_bytes().decode().split("\n"))
        if lines and not lines[-1]:
            lines.pop()
        head = dict(json.loads(first))
        entries = tuple(_entry(line) for line in lines if not RECORD.fullmatch(line))
        kept = _assignments(head, lines)
        return Lock(head["uri"], head["revision"], head["licence"], head["layout"], entries, kept)
    except FileNotFoundError:
        raise DataError(f"{path} does not exist.", REFRESH) from None
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} is damaged: {error}.", REFRESH) from None


def locate(uri: str, root: Path) -> str:
    """`uri`, a relative `file:` one starting at `root` instead of wherever this process runs."""
    if not uri.startswith("file:"):
        return uri
    return f"file:{(root / uri.removeprefix('file:')).resolve()}"


def _written(path: str) -> str:
    return json.dumps(path) if path[0].isspace() or path[0] == '"' or "\r" in path else path


def _entry(line: str) -> Entry:
    found = LINE.fullmatch(line)
    if found is None:
        raise ValueError(f"line {line[:80]!r} is not `sha256  size  path`")
    path = found[3]
    if path.startswith('"') and path.endswith('"'):
        path = str(json.loads(path))
    return Entry(path=path, size=int(found[2]), sha256=found[1])


def _assignments(head: Mapping[str, object], lines: Iterable[str]) -> Assignments | None:
    split = head.get("split")
    if not isinstance(split, dict):
        return None
    found = (match for line in lines if (match := RECORD.fullmatch(line)))
    records = [(match[1], str(json.loads(match[2]))) for match in found]
    return Assignments(
        split,
        classes=tuple(key for kind, key in records if kind == "class"),
        sides={key: kind for kind, key in records if kind in SIDES},
        samples={key: kind.removeprefix(SAMPLE) for kind, key in records if kind.startswith(SAMPLE)},
        folds={key: int(kind.removeprefix(FOLD)) for kind, key in records if kind.startswith(FOLD)},
    )
