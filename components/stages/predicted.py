"""What evaluation kept of a model's decisions, as its judge takes them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from components.errors import StorageError
from components.problems.base import Judge

AGAIN = "Run: dvc repro evaluate"


@dataclass(frozen=True)
class Predicted:
    """Attributes:
    ids: of the samples, in the order of the outcome.
    outcome: as the problem's judge makes it.
    """

    ids: Sequence[str]
    outcome: Any


def predicted(path: Path, model: str, judge: Judge) -> Predicted:
    """Of `model` in predictions.parquet. StorageError where that is damaged, or does not hold it."""
    try:
        table = pq.ParquetFile(path).read()
        columns = {name: _array(table.column(name)) for name in table.column_names}
        own = {
            name.removeprefix(f"{model}."): v for name, v in columns.items() if name.startswith(f"{model}.")
        }
        outcome = judge.restored({**own, "target": columns["target"]})
        return Predicted([str(i) for i in columns["id"]], outcome)
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        raise StorageError(f"{path.name} does not hold what {model} said: {error}.", AGAIN) from error


def _array(column: pa.ChunkedArray) -> np.ndarray[Any, Any]:
    """Lists as objects; pandas, which pyarrow's own way imports, takes a second."""
    if not pa.types.is_list(column.type):
        return np.array(column.to_pylist())
    rows = np.empty(len(column), dtype=object)
    rows[:] = column.to_pylist()
    return rows
