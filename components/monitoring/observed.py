"""What a release saw of some samples, in memory and as a Parquet file of equal bytes for equal contents."""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from components.errors import StorageError

FORMAT = 2  # to be raised when a statistic's meaning changes: a reference of another format is made again
CLASSES = 1  # the format of before, of classifications alone, which is still read
ABOUT = b"graftline"
PROBABILITY, STATISTIC = "p.", "s."
A = TypeVar("A", bound=np.generic)


@dataclass(frozen=True)
class Observed:
    """N samples.

    Attributes:
        ids, digests: names, and SHA-256 of their bytes.
        columns: what the numbers of an answer are called.
        answers: (N, columns), as evaluation takes them: float64 where several rows were merged, else float32.
        decided: (N) what was decided by them, for people.
        embeddings: (N, width), or (0, 0) where nobody has them.
        statistics: of the samples themselves, name → (N,); empty where nobody has them.
        labels: (N), as they are kept at rest; '' where one is not known or may not be seen.
        about: what the file says of itself.
    """

    ids: Sequence[str]
    digests: Sequence[str]
    columns: Sequence[str]
    answers: npt.NDArray[np.floating[Any]]
    decided: Sequence[str]
    embeddings: npt.NDArray[np.float32]
    statistics: Mapping[str, npt.NDArray[np.float64]]
    labels: Sequence[str]
    about: Mapping[str, object] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def labelled(self) -> npt.NDArray[np.int64]:
        """Rows of the samples whose label is known."""
        return np.flatnonzero([label != "" for label in self.labels]).astype(np.int64)

    def taken(self, rows: npt.NDArray[np.int64]) -> "Observed":
        """The samples at `rows`, in that order."""
        return Observed(
            [self.ids[row] for row in rows],
            [self.digests[row] for row in rows],
            self.columns,
            self.answers[rows],
            [self.decided[row] for row in rows],
            self.embeddings[rows] if len(self.embeddings) else self.embeddings,
            {name: values[rows] for name, values in self.statistics.items()},
            [self.labels[row] for row in rows],
            self.about,
        )


def draw(observed: Observed, most: int, seed: int) -> Observed:
    """At most `most` of them, in their order, drawn by `seed`."""
    return observed.taken(drawn(len(observed), most, seed))


def drawn(count: int, most: int, seed: int) -> npt.NDArray[np.int64]:
    """At most `most` of the numbers below `count`, rising, drawn by `seed`."""
    if count <= most:
        return np.arange(count, dtype=np.int64)
    return np.sort(np.random.default_rng(seed).choice(count, most, replace=False)).astype(np.int64)


def to_parquet(observed: Observed) -> bytes:
    columns = {"id": pa.array(observed.ids, pa.string()), "sha256": pa.array(observed.digests, pa.string())}
    for index, name in enumerate(observed.columns):
        columns[name] = pa.array(observed.answers[:, index])
    columns["decision"] = pa.array(observed.decided, pa.string())
    columns["target"] = pa.array([label or None for label in observed.labels], pa.string())
    for name, values in observed.statistics.items():
        columns[STATISTIC + name] = pa.array(values, pa.float64())
    if len(observed.embeddings):
        columns["embedding"] = embedding_column(observed.embeddings)
    about = {**observed.about, "format": FORMAT, "columns": list(observed.columns)}
    said = json.dumps(about, sort_keys=True, allow_nan=False).encode()
    sink = io.BytesIO()
    pq.write_table(pa.table(columns).replace_schema_metadata({ABOUT: said}), sink, compression="zstd")
    return sink.getvalue()


def from_parquet(data: bytes, named: str) -> Observed:
    """Raises StorageError where `data`, which people know as `named`, is no such file, or of another format."""
    try:
        table = pq.read_table(io.BytesIO(data))
        about = json.loads((table.schema.metadata or {})[ABOUT])
        if about["format"] not in (CLASSES, FORMAT):
            raise StorageError(f"{named} is of format {about['format']}, not {FORMAT}.", "Make it again.")
        return _observed(table, about)
    except (pa.ArrowException, KeyError, ValueError, TypeError) as error:
        raise StorageError(f"{named} is damaged: {error}.", "Make it again.") from None


def _observed(table: pa.Table, about: dict[str, object]) -> Observed:
    old = about["format"] == CLASSES
    listed = about["classes" if old else "columns"]
    if not isinstance(listed, list):
        raise ValueError("it names no columns")
    named = [f"{PROBABILITY}{name}" if old else str(name) for name in listed]
    columns = [table.column(name).to_numpy() for name in named]
    has = set(table.column_names)
    return Observed(
        table.column("id").to_pylist(),
        table.column("sha256").to_pylist(),
        named,
        np.stack(columns, axis=1),
        table.column("decision").to_pylist(),
        embeddings_of(table) if "embedding" in has else np.empty((0, 0), dtype=np.float32),
        {
            n.removeprefix(STATISTIC): table.column(n).to_numpy()
            for n in table.column_names
            if n.startswith(STATISTIC)
        },
        [label or "" for label in table.column("target").to_pylist()],
        about,
    )


def embedding_column(embeddings: npt.NDArray[np.float32]) -> pa.Array:
    """(N, width) as a column of lists."""
    flat = pa.array(np.ascontiguousarray(embeddings).reshape(-1), pa.float32())
    return pa.FixedSizeListArray.from_arrays(flat, embeddings.shape[1])


def embeddings_of(table: pa.Table) -> npt.NDArray[np.float32]:
    """The column `embedding`, without gaps, as (N, width)."""
    column = table.column("embedding").combine_chunks()
    return np.asarray(column.flatten().to_numpy(zero_copy_only=False), dtype=np.float32).reshape(
        len(column), -1
    )
