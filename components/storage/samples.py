"""The sample store: what a frozen layer said about a sample, kept for ever, by digest.

A space is one (backbone, cut, pre-processing); a record is one fixed-size array for one key. Records lie in
shards that appear by rename; each record's SHA-256 stands in the shard's index and is checked on reading.
Anything in the store may be deleted at any time: it is computed again, with the same bytes.
"""

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from components.errors import StorageError
from components.storage.publish import sha256_bytes, write_bytes


@dataclass(frozen=True)
class Space:
    """What must agree for two records to be interchangeable.

    Attributes:
        backbone: SHA-256 of the checkpoint's weights.
        cut: name of the layer whose output is kept.
        preprocessing: digest of everything between the raw bytes and the backbone's input.
        shape, dtype: of one record.
    """

    backbone: str
    cut: str
    preprocessing: str
    shape: tuple[int, ...]
    dtype: str

    @property
    def digest(self) -> str:
        return sha256_bytes(json.dumps(asdict(self), sort_keys=True).encode())

    @property
    def record_bytes(self) -> int:
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize


@dataclass(frozen=True)
class _Place:
    shard: Path
    row: int
    sha256: str


class Records:
    """An ordered view of records: `records[indices]` → array (len(indices), *shape), memory-mapped below."""

    def __init__(self, space: Space, places: Sequence[_Place]) -> None:
        self.space = space
        shards = sorted({place.shard for place in places})
        number = {shard: i for i, shard in enumerate(shards)}
        self._maps = [
            np.memmap(shard, dtype=space.dtype, mode="r").reshape(-1, *space.shape) for shard in shards
        ]
        self._shard = np.array([number[place.shard] for place in places], dtype=np.int64)
        self._row = np.array([place.row for place in places], dtype=np.int64)

    def __len__(self) -> int:
        return len(self._row)

    def __getitem__(self, indices: npt.NDArray[np.int64]) -> npt.NDArray[np.generic]:
        out = np.empty((len(indices), *self.space.shape), dtype=self.space.dtype)
        for position, index in enumerate(indices):
            out[position] = self._maps[self._shard[index]][self._row[index]]
        return out


class SampleStore:
    """All spaces under one folder; safe for several readers and writers at once."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def missing(self, space: Space, keys: Sequence[str]) -> list[str]:
        """The keys that `space` does not hold, in the order given."""
        known = self._index(space)
        return [key for key in keys if key not in known]

    def add(self, space: Space, keys: Sequence[str], records: npt.NDArray[np.generic]) -> None:
        """Publish one shard. `records` has shape (len(keys), *space.shape) and the space's dtype."""
        if records.shape != (len(keys), *space.shape) or records.dtype != np.dtype(space.dtype):
            raise StorageError(
                f"Records of shape {records.shape} and type {records.dtype} do not fit the space: "
                f"{(len(keys), *space.shape)}, {space.dtype} are expected."
            )
        contiguous = np.ascontiguousarray(records)
        rows = [
            {"key": key, "sha256": hashlib.sha256(contiguous[row].data).hexdigest()}
            for row, key in enumerate(keys)
        ]
        index = json.dumps(rows).encode()
        shard = self._folder(space) / sha256_bytes(index)
        # Data first: an index whose data are not there would be a promise that cannot be kept.
        write_bytes(shard.with_suffix(".bin"), contiguous.data.cast("B"))
        write_bytes(shard.with_suffix(".json"), index)

    def read(self, space: Space, keys: Sequence[str]) -> Records:
        """The records of `keys`, in order, verified. A damaged shard is removed: StorageError."""
        known = self._index(space)
        absent = [key for key in keys if key not in known]
        if absent:
            raise StorageError(f"{len(absent)} records are not in the store, {absent[0]} among them.")
        places = [known[key] for key in keys]
        self._verify(space, places)
        return Records(space, places)

    def _folder(self, space: Space) -> Path:
        return self.root / space.digest[:32]

    def _index(self, space: Space) -> dict[str, _Place]:
        known: dict[str, _Place] = {}
        for index in sorted(self._folder(space).glob("*.json")):
            shard = index.with_suffix(".bin")
            rows = _read_index(index)
            if rows is None or not shard.exists() or shard.stat().st_size != len(rows) * space.record_bytes:
                index.unlink(missing_ok=True)
                continue
            for row, entry in enumerate(rows):
                known.setdefault(entry["key"], _Place(shard, row, entry["sha256"]))
        return known

    def _verify(self, space: Space, places: Sequence[_Place]) -> None:
        maps: dict[Path, npt.NDArray[np.uint8]] = {}
        size = space.record_bytes
        for place in places:
            data = maps.setdefault(place.shard, np.memmap(place.shard, dtype=np.uint8, mode="r"))
            record = data[place.row * size : (place.row + 1) * size]
            if hashlib.sha256(record.data).hexdigest() != place.sha256:
                place.shard.with_suffix(".json").unlink(missing_ok=True)
                place.shard.unlink(missing_ok=True)
                raise StorageError(
                    f"The store's shard {place.shard.name[:12]}… was damaged and has been removed.",
                    "Run the same command again: what is missing is computed again.",
                )


def _read_index(path: Path) -> list[dict[str, str]] | None:
    try:
        if sha256_bytes(path.read_bytes()) != path.stem:
            return None
        rows: list[dict[str, str]] = json.loads(path.read_text())
        return rows
    except (OSError, ValueError):
        return None
