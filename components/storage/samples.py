"""The sample store: what a frozen layer said about a sample, kept for ever, by digest.

A space is one tensor of one (backbone, cut, pre-processing); a record is that tensor of one key. Records lie in shards
that appear by rename; each record's SHA-256 stands in the shard's index and is checked on reading.
The format's version is part of a space's name: records of another version are not found, and computed again.
Anything in the store may be deleted at any time: it is computed again, with the same bytes.
"""

import hashlib
import json
from collections.abc import Sequence, Set
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from components.errors import StorageError
from components.storage.publish import sha256_bytes, write_bytes

FORMAT = 2  # 1 had records without a name
Array = npt.NDArray[np.generic]


@dataclass(frozen=True)
class Field:
    """The tensor that is kept; floats as `float32` or `float16`. StorageError for another type."""

    name: str
    shape: tuple[int, ...]
    dtype: str

    def __post_init__(self) -> None:
        if np.dtype(self.dtype).kind == "f" and self.dtype not in ("float32", "float16"):
            raise StorageError(
                f"{self.name} is {self.dtype}; records hold float32, float16 or whole numbers."
            )

    @property
    def nbytes(self) -> int:
        return int(np.dtype((self.dtype, self.shape)).itemsize)


@dataclass(frozen=True)
class Space:
    """What must agree for two records to be interchangeable.

    Attributes:
        backbone: SHA-256 of the checkpoint's weights.
        cut: name of the layer whose output is kept, and of the graph where that has several outputs.
        preprocessing: digest of everything between the raw bytes and the backbone's input.
        field: what a record is.
    """

    backbone: str
    cut: str
    preprocessing: str
    field: Field

    @cached_property
    def digest(self) -> str:
        told = asdict(self)
        told["fields"] = [told.pop("field")]  # as stores that are there already are named
        return sha256_bytes(json.dumps({"format": FORMAT, **told}, sort_keys=True).encode())


@dataclass(frozen=True)
class _Place:
    shard: Path
    row: int
    sha256: str


class Records:
    """An ordered view of records, memory-mapped: `records[indices]` → (len(indices), *shape).

    Attributes:
        there: (N,), which of them the store holds; asking for another one is a StorageError.
    """

    def __init__(self, space: Space, places: Sequence[_Place | None]) -> None:
        self.space = space
        shards = sorted({place.shard for place in places if place})
        number = {shard: i for i, shard in enumerate(shards)}
        dtype, shape = space.field.dtype, space.field.shape
        self._maps = [np.memmap(shard, dtype=dtype, mode="r").reshape(-1, *shape) for shard in shards]
        self._shard = np.array([number[place.shard] if place else -1 for place in places], dtype=np.int64)
        self._row = np.array([place.row if place else -1 for place in places], dtype=np.int64)
        self.there = self._shard >= 0

    def __len__(self) -> int:
        return len(self._row)

    def __getitem__(self, indices: npt.NDArray[np.int64]) -> Array:
        if not self.there[indices].all():
            raise StorageError(f"{(~self.there[indices]).sum()} records are not in the store.")
        out = np.empty((len(indices), *self.space.field.shape), dtype=self.space.field.dtype)
        for position, index in enumerate(indices):
            out[position] = self._maps[self._shard[index]][self._row[index]]
        return out


class SampleStore:
    """All spaces under one folder; safe for several readers and writers at once."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def keys(self, space: Space) -> Set[str]:
        """The keys that `space` holds."""
        return self._index(space).keys()

    def add(self, space: Space, keys: Sequence[str], records: Array) -> None:
        """Publish one shard of records (len(keys), *shape), in the space's dtype. StorageError for others."""
        wanted = (len(keys), *space.field.shape), space.field.dtype
        if (records.shape, records.dtype.name) != wanted:
            found = records.shape, records.dtype.name
            raise StorageError(f"Records {found} do not fit {space.field.name}: {wanted} are expected.")
        lying = np.ascontiguousarray(records).reshape(len(keys), -1).view(np.uint8)
        rows = [
            {"key": key, "sha256": hashlib.sha256(lying[row].data).hexdigest()}
            for row, key in enumerate(keys)
        ]
        index = json.dumps({"format": FORMAT, "records": rows}).encode()
        shard = self._folder(space) / sha256_bytes(index)
        # Data first: an index whose data are not there would be a promise that cannot be kept.
        write_bytes(shard.with_suffix(".bin"), lying.data.cast("B"))
        write_bytes(shard.with_suffix(".json"), index)

    def read(self, space: Space, keys: Sequence[str]) -> Records:
        """The records of `keys`, in order, verified where they are held. A damaged shard is removed: StorageError."""
        known = self._index(space)
        places = [known.get(key) for key in keys]
        self._verify(space, [place for place in places if place])
        return Records(space, places)

    def _folder(self, space: Space) -> Path:
        return self.root / space.digest[:32]

    def _index(self, space: Space) -> dict[str, _Place]:
        known: dict[str, _Place] = {}
        for index in sorted(self._folder(space).glob("*.json")):
            shard = index.with_suffix(".bin")
            rows = _read_index(index)
            if rows is None or not shard.exists() or shard.stat().st_size != len(rows) * space.field.nbytes:
                index.unlink(missing_ok=True)
                continue
            for row, entry in enumerate(rows):
                known.setdefault(entry["key"], _Place(shard, row, entry["sha256"]))
        return known

    def _verify(self, space: Space, places: Sequence[_Place]) -> None:
        maps: dict[Path, npt.NDArray[np.uint8]] = {}
        size = space.field.nbytes
        for place in places:
            if place.shard not in maps:
                maps[place.shard] = np.memmap(place.shard, dtype=np.uint8, mode="r")
            record = maps[place.shard][place.row * size : (place.row + 1) * size]
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
        held = json.loads(path.read_text())
        rows: list[dict[str, str]] | None = held["records"] if held["format"] == FORMAT else None
        return rows
    except (OSError, ValueError, TypeError, KeyError):
        return None
