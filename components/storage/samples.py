"""The sample store: what a frozen layer said about a sample, kept for ever, by digest.

A space is one (backbone, cut, pre-processing); a record is some named arrays of fixed sizes for one key. Records lie in
shards that appear by rename; each record's SHA-256 stands in the shard's index and is checked on reading.
The format's version is part of a space's name: records of another version are not found, and computed again.
Anything in the store may be deleted at any time: it is computed again, with the same bytes.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from components.errors import StorageError
from components.storage.publish import sha256_bytes, write_bytes

FORMAT = 2  # 1 had one array in a record, without a name
Arrays = Mapping[str, npt.NDArray[np.generic]]


@dataclass(frozen=True)
class Field:
    """One array of each record; floats are kept as `float32` or `float16`. StorageError for another type."""

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
        cut: name of the layer whose output is kept.
        preprocessing: digest of everything between the raw bytes and the backbone's input.
        fields: of one record.
    """

    backbone: str
    cut: str
    preprocessing: str
    fields: tuple[Field, ...]

    @cached_property
    def digest(self) -> str:
        return sha256_bytes(json.dumps({"format": FORMAT, **asdict(self)}, sort_keys=True).encode())

    @cached_property
    def record(self) -> np.dtype[np.void]:
        """How a record lies on disk: fields one behind the other, each where the CPU reads it fast."""
        return np.dtype([(field.name, field.dtype, field.shape) for field in self.fields], align=True)

    @property
    def record_bytes(self) -> int:
        return self.record.itemsize


@dataclass(frozen=True)
class _Place:
    shard: Path
    row: int
    sha256: str


class Records:
    """An ordered view of records, memory-mapped below.

    `records.named(indices)` → name → array (len(indices), *shape); `records[indices]` → the only one.
    """

    def __init__(self, space: Space, places: Sequence[_Place]) -> None:
        self.space = space
        shards = sorted({place.shard for place in places})
        number = {shard: i for i, shard in enumerate(shards)}
        maps = [np.memmap(shard, dtype=space.record, mode="r") for shard in shards]
        self._maps = {field.name: [shard[field.name] for shard in maps] for field in space.fields}
        self._shard = np.array([number[place.shard] for place in places], dtype=np.int64)
        self._row = np.array([place.row for place in places], dtype=np.int64)

    def __len__(self) -> int:
        return len(self._row)

    def __getitem__(self, indices: npt.NDArray[np.int64]) -> npt.NDArray[np.generic]:
        (field,) = self.space.fields
        return self._read(field, indices)

    def named(self, indices: npt.NDArray[np.int64]) -> dict[str, npt.NDArray[np.generic]]:
        return {field.name: self._read(field, indices) for field in self.space.fields}

    def _read(self, field: Field, indices: npt.NDArray[np.int64]) -> npt.NDArray[np.generic]:
        out, maps = np.empty((len(indices), *field.shape), dtype=field.dtype), self._maps[field.name]
        for position, index in enumerate(indices):
            out[position] = maps[self._shard[index]][self._row[index]]
        return out


class SampleStore:
    """All spaces under one folder; safe for several readers and writers at once."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def missing(self, space: Space, keys: Sequence[str]) -> list[str]:
        """The keys that `space` does not hold, in the order given."""
        known = self._index(space)
        return [key for key in keys if key not in known]

    def add(self, space: Space, keys: Sequence[str], records: Arrays) -> None:
        """Publish one shard. `records` holds (len(keys), *shape) for each field of the space, in its dtype."""
        lying = _laid_out(space, len(keys), records)
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


def _laid_out(space: Space, count: int, records: Arrays) -> npt.NDArray[np.uint8]:
    """(count, bytes of a record). StorageError where the arrays are not those of the space."""
    found = {name: (array.shape, array.dtype.name) for name, array in records.items()}
    wanted = {field.name: ((count, *field.shape), field.dtype) for field in space.fields}
    if found != wanted:
        raise StorageError(f"Records {found} do not fit the space: {wanted} are expected.")
    if len(records) == 1:  # nothing lies between records: no copy
        (array,) = records.values()
        return np.ascontiguousarray(array).reshape(count, -1).view(np.uint8)
    made = np.zeros((count, space.record_bytes), dtype=np.uint8)  # what lies between fields, too
    for name, array in records.items():
        made.view(space.record)[:, 0][name] = array
    return made


def _read_index(path: Path) -> list[dict[str, str]] | None:
    try:
        if sha256_bytes(path.read_bytes()) != path.stem:
            return None
        held = json.loads(path.read_text())
        rows: list[dict[str, str]] | None = held["records"] if held["format"] == FORMAT else None
        return rows
    except (OSError, ValueError, TypeError, KeyError):
        return None
