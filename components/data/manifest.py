"""The manifest: one row a sample, in the order of ids; its digest names the data."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from components.data.long_labels import OFFSET, SIZE, LongLabels
from components.data.shards import offsets, shard_name

if TYPE_CHECKING:
    from components.data.scan import (
        Seen,  # which knows all layouts and tables: readers of a dataset need none
    )

SLICE = "slice."
FORMAT = 2  # of dataset/: 1 had class indices as a column
# Where bytes lie does not change what the data are.
PLACES = ("shard", "offset", OFFSET)


def make_table(seen: "Sequence[Seen]", slices: Sequence[str], long: LongLabels) -> pa.Table:
    """The columns that `Dataset.table` documents, in that order; `long` are the long labels of `seen`."""
    contents = [item.content for item in seen]
    places = offsets({content.id: content.size for content in contents})
    columns: dict[str, pa.Array] = {
        "id": _text(c.id for c in contents),
        "path": _text(c.path for c in contents),
        "label": _text(long.cell(c.label) for c in contents),
        "group": _text(c.group for c in contents),
        "domain": _text(c.domain for c in contents),
        "split": _text(c.side for c in contents),
        "size": _whole(np.int64, (c.size for c in contents)),
        **{name: _fact([s.facts[name] for s in seen]) for name in (seen[0].facts if seen else ())},
        "shard": _text(shard_name(c.id) for c in contents),
        "offset": _whole(np.int64, (places[c.id] for c in contents)),
    }
    if long:
        columns[OFFSET] = _whole(np.int64, (long.offset(c.label) for c in contents))
        columns[SIZE] = _whole(np.int64, (long.size(c.label) for c in contents))
    for position, name in enumerate(slices):
        columns[SLICE + name] = _text(c.slices[position] for c in contents)
    return pa.table(columns)


# `pyarrow.array` imports pandas, more than a second, to ask whether the values are its own; these do not.


def _fact(values: Sequence[int | str]) -> pa.Array:
    numbers = [value for value in values if isinstance(value, int)]
    return _whole(np.int32, numbers) if len(numbers) == len(values) else _text(map(str, values))


def _text(values: Iterable[str]) -> pa.Array:
    builder = pa.lib.StringBuilder()
    builder.append_values(list(values))
    return builder.finish()


def _whole(dtype: type[np.integer], values: Iterable[int]) -> pa.Array:
    numbers = np.fromiter(values, dtype=dtype)
    kind = pa.int32() if numbers.itemsize == 4 else pa.int64()
    return pa.Array.from_buffers(kind, len(numbers), [None, pa.py_buffer(numbers)])


def table_digest(table: pa.Table, target: Mapping[str, object]) -> str:
    """SHA-256 of what describes the targets and of all columns but the places, as JSON: no Parquet writer shapes it."""
    digest = hashlib.sha256(json.dumps(target, sort_keys=True).encode())
    for name in sorted(set(table.column_names) - set(PLACES)):
        digest.update(json.dumps([name, table.column(name).to_pylist()]).encode())
    return digest.hexdigest()


def write_table(path: Path, table: pa.Table) -> None:
    pq.write_table(table, path, compression="zstd", store_schema=False)
