"""Samples' bytes in 16 files, by the first hexadecimal digit of their SHA-256.

Within a shard samples follow each other in the order of their ids, with nothing between them: the same set of
samples gives the same bytes, whatever was there before.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from components.errors import StorageError

DIGITS = "0123456789abcdef"


def shard_name(sample_id: str) -> str:
    return f"{sample_id[0]}.bin"


class ShardWriter:
    """Appends samples, which must come in the order of their ids."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, BinaryIO] = {}
        self._last = ""

    def __enter__(self) -> "ShardWriter":
        self._folder.mkdir(parents=True, exist_ok=True)
        self._files = {f"{digit}.bin": (self._folder / f"{digit}.bin").open("wb") for digit in DIGITS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for file in self._files.values():
            file.close()

    def add(self, sample_id: str, payload: bytes) -> None:
        if sample_id <= self._last:
            raise StorageError(f"Samples must be added in the order of their ids, {sample_id} was not.")
        self._last = sample_id
        self._files[shard_name(sample_id)].write(payload)


def compact(folder: Path, sizes: Mapping[str, int], dropped: Iterable[str]) -> None:
    """Rewrite the shards without the samples `dropped`; `sizes` are bytes by id, of all that lie there."""
    gone = set(dropped)
    for name in {shard_name(sample_id) for sample_id in gone}:
        partial = folder / f"{name}.partial"
        with (folder / name).open("rb") as old, partial.open("wb") as new:
            for sample_id in sorted(i for i in sizes if shard_name(i) == name):
                payload = old.read(sizes[sample_id])
                if sample_id not in gone:
                    new.write(payload)
        partial.replace(folder / name)


def offsets(sizes: Mapping[str, int]) -> dict[str, int]:
    """Where each sample begins in its shard, by id."""
    ends: dict[str, int] = {}
    places = {}
    for sample_id in sorted(sizes):
        name = shard_name(sample_id)
        places[sample_id] = ends.get(name, 0)
        ends[name] = places[sample_id] + sizes[sample_id]
    return places
