"""The manifest: one row a sample, in the order of ids; its digest names the data."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from components.data.scan import Seen
from components.data.shards import offsets, shard_name

SLICE = "slice."
# Where bytes lie does not change what the data are.
PLACES = ("shard", "offset")


def make_table(seen: Sequence[Seen], slices: Sequence[str]) -> pa.Table:
    """The columns that `Dataset.table` documents, in that order."""
    contents = [item.content for item in seen]
    places = offsets({content.id: content.size for content in contents})
    text, whole = pa.string(), pa.int64()
    columns: dict[str, pa.Array] = {
        "id": pa.array([c.id for c in contents], text),
        "path": pa.array([c.path for c in contents], text),
        "label": pa.array([c.label for c in contents], text),
        "target": pa.array([c.target for c in contents], pa.int32()),
        "group": pa.array([c.group for c in contents], text),
        "domain": pa.array([c.domain for c in contents], text),
        "split": pa.array([c.side for c in contents], text),
        "size": pa.array([c.size for c in contents], whole),
        "width": pa.array([s.width for s in seen], pa.int32()),
        "height": pa.array([s.height for s in seen], pa.int32()),
        "mode": pa.array([s.mode for s in seen], text),
        "shard": pa.array([shard_name(c.id) for c in contents], text),
        "offset": pa.array([places[c.id] for c in contents], whole),
    }
    for position, name in enumerate(slices):
        columns[SLICE + name] = pa.array([c.slices[position] for c in contents], text)
    return pa.table(columns)


def table_digest(table: pa.Table, classes: Sequence[str]) -> str:
    """SHA-256 of the class names and of all columns but the places, as JSON: no Parquet writer shapes it."""
    digest = hashlib.sha256(json.dumps(list(classes)).encode())
    for name in sorted(set(table.column_names) - set(PLACES)):
        digest.update(json.dumps([name, table.column(name).to_pylist()]).encode())
    return digest.hexdigest()


def write_table(path: Path, table: pa.Table) -> None:
    pq.write_table(table, path, compression="zstd", store_schema=False)
