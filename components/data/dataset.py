"""Reading a dataset folder: offline, by id, each sample checked against the SHA-256 that is its name."""

import hashlib
import json
import os
import weakref
from pathlib import Path
from threading import Lock
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from components.data.long_labels import FILE, OFFSET, SIZE
from components.data.manifest import FORMAT, SLICE, table_digest
from components.data.splits import SIDES
from components.errors import DataError, StorageError
from components.problems import target
from components.problems.base import Description, Targets

AGAIN = "Run `python -m components pull --force dataset`, or `dvc repro version_data`."


class Dataset:
    """A dataset folder. All methods are thread-safe.

    Attributes:
        description: of the targets, as `components.problems` makes it.
        digest: names the data: every sample's content, label, side and slices.
        table: the manifest, in the order of ids; columns id, path, label, group, domain, split, size,
            the facts that the task tells, shard, offset, of long labels label_offset and label_size, and
            `slice.<name>` for each declared slice. The column label holds the SHA-256 of a long one: see `labels`.
        licence, source, revision: of the data.
    """

    def __init__(self, folder: Path, table: pa.Table, description: dict[str, object]) -> None:
        source = cast(dict[str, str], description["source"])
        self.description: Description = cast(dict[str, object], description["target"])
        self.target = target(self.description)
        self.digest = str(description["digest"])
        self.licence = str(description["licence"])
        self.source, self.revision = source["uri"], source["revision"]
        self.table = table
        self._folder = folder
        # Lists, because pyarrow's filters and its way to numpy import pandas: a second in every stage.
        self._columns = {name: table.column(name).to_pylist() for name in table.column_names}
        self._row = {name: row for row, name in enumerate(self._columns["id"])}
        self._handles: dict[str, int] = {}
        self._lock = Lock()
        weakref.finalize(self, _close, self._handles)

    @classmethod
    def open(cls, folder: Path) -> "Dataset":
        """StorageError where a file is missing, damaged, or not the one that dataset.json describes."""
        try:
            description = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))
            if (made := description.get("format", 1)) != FORMAT:
                raise StorageError(
                    f"{folder} has format {made}, this version reads {FORMAT}.", "Run: dvc repro version_data"
                )
            table = pq.ParquetFile(folder / "manifest.parquet").read()
            opened = cls(folder, table, description)
        except FileNotFoundError as error:
            raise StorageError(f"{error.filename or folder} does not exist.", AGAIN) from None
        except (ValueError, KeyError, TypeError, OSError, pa.ArrowException) as error:
            raise StorageError(f"{folder} is damaged: {error}.", AGAIN) from None
        if table_digest(table, opened.description) != opened.digest:
            raise StorageError(f"{folder}/manifest.parquet is not the one that was written there.", AGAIN)
        return opened

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def ids(self, split: str | None = None) -> list[str]:
        """Ids of one side, or of all, sorted."""
        return self._values("id", split)

    def targets(self, split: str | None = None) -> Targets:
        """(N, …), in the order of `ids(split)`; `target.known` says which samples have a label."""
        return self.target.targets(self.labels(split))

    def labels(self, split: str | None = None) -> list[str]:
        """Label of each sample as it is kept, empty where there is none, in the order of `ids(split)`.

        StorageError where a long one is damaged.
        """
        cells = self._values("label", split)
        if SIZE not in self._columns:
            return cells
        places = zip(self._values(OFFSET, split), self._values(SIZE, split), strict=True)
        return [
            self._pread(FILE, offset, size, cell).decode() if size else cell
            for cell, (offset, size) in zip(cells, places, strict=True)
        ]

    def rows(self, split: str) -> npt.NDArray[np.int64]:
        """(N,), where the samples of one side stand in the manifest, in the order of `ids(split)`."""
        return np.flatnonzero(np.array(self._columns["split"]) == split)

    def domains(self, split: str | None = None) -> list[str]:
        """Domain of each sample, empty where none is declared, in the order of `ids(split)`."""
        return self._values("domain", split)

    def groups(self, split: str | None = None) -> list[str]:
        """Group of each sample, empty where none is declared, in the order of `ids(split)`."""
        return self._values("group", split)

    def slices(self, split: str | None = None) -> dict[str, npt.NDArray[np.str_]]:
        """Declared slice → its values (N,), in the order of `ids(split)`."""
        names = [name for name in self._columns if name.startswith(SLICE)]
        return {name.removeprefix(SLICE): np.array(self._values(name, split), dtype=str) for name in names}

    def read(self, sample_id: str) -> bytes:
        """The sample's bytes as they were at the source. DataError: no such id. StorageError: damaged."""
        row = self._row.get(sample_id)
        if row is None:
            raise DataError(f"The dataset holds no sample {sample_id}.")
        shard, offset, size = (self._columns[name][row] for name in ("shard", "offset", "size"))
        return self._pread(f"shards/{shard}", offset, size, sample_id)

    def _pread(self, file: str, offset: int, size: int, sha256: str) -> bytes:
        payload = os.pread(self._handle(file), size, offset)
        if hashlib.sha256(payload).hexdigest() != sha256:
            what = "label" if file == FILE else "sample"
            raise StorageError(f"{self._folder / file} is damaged at {what} {sha256[:12]}….", AGAIN)
        return payload

    def _values(self, column: str, split: str | None) -> list[Any]:
        if split is not None and split not in SIDES:
            raise DataError(f"{split!r} is not a split.", f"Allowed: {', '.join(SIDES)}.")
        sides = self._columns["split"]
        values = zip(self._columns[column], sides, strict=True)
        return [value for value, side in values if split in (None, side)]

    def _handle(self, file: str) -> int:
        with self._lock:
            if file not in self._handles:
                try:
                    self._handles[file] = os.open(self._folder / file, os.O_RDONLY)
                except FileNotFoundError:
                    raise StorageError(f"{self._folder / file} does not exist.", AGAIN) from None
            return self._handles[file]


def _close(handles: dict[str, int]) -> None:
    for handle in handles.values():
        os.close(handle)
