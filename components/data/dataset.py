"""Reading a dataset folder: offline, by id, each sample checked against the SHA-256 that is its name."""

import hashlib
import json
import os
import weakref
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from components.data.manifest import SLICE, table_digest
from components.data.splits import SIDES
from components.errors import DataError, StorageError

AGAIN = "Run `dvc repro version_data`, or `dvc pull`."


class Dataset:
    """A dataset folder. All methods are thread-safe.

    Attributes:
        classes: names; `target` counts them from 0.
        digest: names the data: every sample's content, label, side and slices.
        table: the manifest, in the order of ids; columns id, path, label, target, group, domain, split, size,
            width, height, mode, shard, offset, and `slice.<name>` for each declared slice.
        licence, source, revision: of the data.
    """

    def __init__(self, folder: Path, table: pa.Table, description: dict[str, object]) -> None:
        source = cast(dict[str, str], description["source"])
        self.classes = tuple(cast(list[str], description["classes"]))
        self.digest = str(description["digest"])
        self.licence = str(description["licence"])
        self.source, self.revision = source["uri"], source["revision"]
        self.table = table
        self._folder = folder
        self._places = {
            row["id"]: (row["shard"], row["offset"], row["size"])
            for row in table.select(["id", "shard", "offset", "size"]).to_pylist()
        }
        self._handles: dict[str, int] = {}
        self._lock = Lock()
        weakref.finalize(self, _close, self._handles)

    @classmethod
    def open(cls, folder: Path) -> "Dataset":
        """StorageError where a file is missing, damaged, or not the one that dataset.json describes."""
        try:
            description = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))
            table = pq.read_table(folder / "manifest.parquet", memory_map=False)
            opened = cls(folder, table, description)
        except FileNotFoundError as error:
            raise StorageError(f"{error.filename or folder} does not exist.", AGAIN) from None
        except (ValueError, KeyError, TypeError, OSError, pa.ArrowException) as error:
            raise StorageError(f"{folder} is damaged: {error}.", AGAIN) from None
        if table_digest(table, opened.classes) != opened.digest:
            raise StorageError(f"{folder}/manifest.parquet is not the one that was written there.", AGAIN)
        return opened

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def ids(self, split: str | None = None) -> list[str]:
        """Ids of one side, or of all, sorted."""
        return cast(list[str], self._rows(split).column("id").to_pylist())

    def targets(self, split: str | None = None) -> npt.NDArray[np.int64]:
        """(N,), in the order of `ids(split)`."""
        return cast("npt.NDArray[np.int64]", self._rows(split).column("target").to_numpy().astype(np.int64))

    def groups(self, split: str | None = None) -> list[str]:
        """Group of each sample, empty where none is declared, in the order of `ids(split)`."""
        return cast(list[str], self._rows(split).column("group").to_pylist())

    def slices(self, split: str | None = None) -> dict[str, npt.NDArray[np.str_]]:
        """Declared slice → its values (N,), in the order of `ids(split)`."""
        rows = self._rows(split)
        names = [name for name in rows.column_names if name.startswith(SLICE)]
        return {name.removeprefix(SLICE): np.array(rows.column(name).to_pylist(), str) for name in names}

    def read(self, sample_id: str) -> bytes:
        """The sample's bytes as they were at the source. DataError: no such id. StorageError: damaged."""
        if sample_id not in self._places:
            raise DataError(f"The dataset holds no sample {sample_id}.")
        shard, offset, size = self._places[sample_id]
        payload = os.pread(self._handle(shard), size, offset)
        if hashlib.sha256(payload).hexdigest() != sample_id:
            raise StorageError(
                f"{self._folder / 'shards' / shard} is damaged at sample {sample_id[:12]}….", AGAIN
            )
        return payload

    def select(self, ids: Sequence[str]) -> pa.Table:
        """The manifest's rows of these ids, in their order."""
        position = {name: row for row, name in enumerate(self.table.column("id").to_pylist())}
        return self.table.take([position[name] for name in ids])

    def _rows(self, split: str | None) -> pa.Table:
        if split is None:
            return self.table
        if split not in SIDES:
            raise DataError(f"{split!r} is not a side.", f"Allowed: {', '.join(SIDES)}.")
        return self.table.filter(pc.equal(self.table.column("split"), split))

    def _handle(self, shard: str) -> int:
        with self._lock:
            if shard not in self._handles:
                try:
                    self._handles[shard] = os.open(self._folder / "shards" / shard, os.O_RDONLY)
                except FileNotFoundError:
                    raise StorageError(f"{self._folder / 'shards' / shard} does not exist.", AGAIN) from None
            return self._handles[shard]


def _close(handles: dict[str, int]) -> None:
    for handle in handles.values():
        os.close(handle)
