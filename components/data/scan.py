"""Every sample is read, checked and decoded once; its bytes go to the shards, what was seen stays here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from components.data.ahead import in_order
from components.data.contents import Content, Rejected
from components.data.formats.base import Files
from components.data.shards import ShardWriter
from components.errors import DataError
from components.progress import progress
from components.storage.scratch import scratch

# Samples in flight for each thread: enough to keep all busy, few enough to keep memory flat.
WINDOW = 4
SIDE = 64


class Inspected(Protocol):
    """What an inspection must tell; see components.modalities.base.Inspection."""

    @property
    def facts(self) -> Mapping[str, int | str]: ...
    @property
    def fingerprint(self) -> int: ...
    @property
    def thumbnail(self) -> npt.NDArray[np.float32]: ...


Inspect = Callable[[bytes], Inspected]


@dataclass(frozen=True, slots=True)
class Seen:
    """A content that could be decoded, and what the task tells of it."""

    content: Content
    facts: Mapping[str, int | str]


@dataclass(frozen=True)
class Scan:
    """Attributes:
    seen: in the order of ids.
    fingerprints: uint64 (N,).
    thumbnails: float16 (N, 4096), memory-mapped from an unlinked file.
    rejected: what could not be decoded.
    """

    seen: list[Seen]
    fingerprints: npt.NDArray[np.uint64]
    thumbnails: npt.NDArray[np.float16]
    rejected: list[Rejected]


def scan(contents: Sequence[Content], source: Files, inspect: Inspect, folder: Path, threads: int) -> Scan:
    """Decode all `contents` (in the order of ids) and write those that can be to `folder`/*.bin."""
    seen: list[Seen] = []
    rejected: list[Rejected] = []
    fingerprints = np.zeros(len(contents), dtype=np.uint64)
    thumbnails = pictures(len(contents), folder.parent)
    payloads = ((content, source.read(content.path)) for content in contents)
    with ShardWriter(folder) as shards:
        results = in_order(lambda pair: _look(inspect, *pair), payloads, threads, WINDOW * threads)
        for content, payload, found in progress(results, "decode samples", "samples", len(contents)):
            if isinstance(found, str):
                rejected.append(Rejected(content.path, content.id, "unreadable", found))
                continue
            shards.add(content.id, payload)
            fingerprints[len(seen)] = found.fingerprint
            thumbnails[len(seen)] = found.thumbnail.ravel()
            seen.append(Seen(content, found.facts))
    return Scan(seen, fingerprints[: len(seen)], thumbnails[: len(seen)], rejected)


def pictures(rows: int, folder: Path) -> npt.NDArray[np.float16]:
    """float16 (rows, 4096): as many thumbnails, on disk."""
    return scratch(folder, "float16", (max(rows, 1), SIDE * SIDE)).view(np.float16)


def _look(inspect: Inspect, content: Content, payload: bytes) -> tuple[Content, bytes, Inspected | str]:
    try:
        return content, payload, inspect(payload)
    except DataError as error:
        return content, payload, error.message
