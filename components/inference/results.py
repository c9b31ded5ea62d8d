"""What batch scoring wrote, read again: each part is one that the manifest names, byte for byte."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from components.errors import DigestMismatch, StorageError
from components.inference.plan import MANIFEST, Model
from components.storage.publish import read_json, sha256_file


@dataclass(frozen=True)
class Scored:
    """A finished job of N inputs.

    Attributes:
        digests: SHA-256 of each input's bytes; None where they could not be had.
        reasons: why there is no answer; None where there is one.
        table: the rows, without embeddings.
        embedded: whether the rows hold embeddings.
    """

    folder: Path
    parts: Sequence[str]
    model: Model
    ids: Sequence[str]
    digests: Sequence[str | None]
    reasons: Sequence[str | None]
    table: pa.Table
    embedded: bool

    @property
    def digest(self) -> str:
        """Names the window: the release, and what it was asked, in order."""
        found = hashlib.sha256(self.model.release_sha256.encode())
        for name, content in zip(self.ids, self.digests, strict=True):
            found.update(f"\n{len(name)} {name} {content}".encode())
        return found.hexdigest()

    def answers(self, columns: Sequence[str]) -> npt.NDArray[np.floating[Any]]:
        """(N, columns), NaN where there is no answer. DigestMismatch where these are not the columns that it has."""
        missing = [name for name in columns if name not in self.table.column_names]
        if missing:
            raise DigestMismatch(
                f"{self.folder} has no column {missing[0]!r}, which the release answers with.", "Score again."
            )
        # As they were written: of another type they would not be the answers that the release gave.
        found = [self.table.column(name).to_numpy() for name in columns]
        return np.stack(found, axis=1)

    def embeddings(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """(len(rows), width) of the answered rows `rows`, rising; a part at a time."""
        found, start = [], 0
        for name in self.parts:
            with pq.ParquetFile(self.folder / name) as file:
                count = file.metadata.num_rows
                wanted = rows[(rows >= start) & (rows < start + count)] - start
                if len(wanted):
                    column = file.read(["embedding"]).column(0).combine_chunks().take(pa.array(wanted))
                    flat = np.asarray(column.flatten().to_numpy(zero_copy_only=False), dtype=np.float32)
                    found.append(flat.reshape(len(wanted), -1))
                start += count
        return np.concatenate(found)


def reasons(folder: Path) -> list[tuple[str, int, str]]:
    """Why there is no answer, how often, and the id of the first such input: the most frequent first.

    Of a finished job.
    """
    counts, first = Counter[str](), dict[str, str]()
    for part, _ in _parts(read_json(folder / MANIFEST)):
        table = pq.read_table(folder / part, columns=["id", "reason"])
        for name, reason in zip(table["id"].to_pylist(), table["reason"].to_pylist(), strict=True):
            if reason is not None:
                counts[reason] += 1
                first.setdefault(reason, name)
    return [(reason, count, first[reason]) for reason, count in counts.most_common()]


def require_finished(folder: Path) -> None:
    """Raises StorageError where the folder holds no finished scoring job."""
    if not (folder / MANIFEST).exists():
        raise StorageError(
            f"{folder} holds no finished scoring job.",
            "Finish it with python -m flows.score, then look again.",
        )


def read_scored(folder: Path) -> Scored:
    """Raises StorageError where the job is not there or not finished, DigestMismatch for a part that was changed."""
    require_finished(folder)
    manifest = read_json(folder / MANIFEST)
    parts, tables = list(_parts(manifest)), []
    for name, digest in parts:
        if sha256_file(folder / name) != digest:
            raise DigestMismatch(f"{folder / name} is not what was written there.", "Score again.")
        with pq.ParquetFile(folder / name) as file:
            columns = file.schema_arrow.names
            tables.append(file.read([column for column in columns if column != "embedding"]))
    table = pa.concat_tables(tables)
    said = manifest["model"]
    assert isinstance(said, dict)
    return Scored(
        folder,
        [name for name, _ in parts],
        Model(**said),
        table.column("id").to_pylist(),
        table.column("sha256").to_pylist(),
        table.column("reason").to_pylist(),
        table,
        "embedding" in columns,
    )


def _parts(manifest: dict[str, object]) -> Iterator[tuple[str, str]]:
    listed = manifest.get("parts")
    for part in listed if isinstance(listed, list) else []:
        yield Path(str(part["file"])).name, str(part["sha256"])
