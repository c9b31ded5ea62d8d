"""report: the worst mistakes, from predictions written by hand."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.errors import StorageError
from components.stages.report import worst


def written(folder: Path) -> Path:
    columns = {
        "id": ["a", "b", "c", "d"],
        "target": [0, 1, 1, 0],
        "fp32.decision": [1, 1, 0, 1],
        "fp32.p.good": [0.3, 0.1, 0.95, 0.2],
        "fp32.p.bad": [0.7, 0.9, 0.05, 0.8],
    }
    pq.write_table(pa.table(columns), folder / "predictions.parquet")
    return folder / "predictions.parquet"


def test_the_surest_mistakes_come_first(tmp_path: Path) -> None:
    found = worst(written(tmp_path), "fp32", ("good", "bad"))
    assert [(item.id, item.target, item.decision, item.confidence) for item in found] == [
        ("c", 1, 0, 0.95),
        ("d", 0, 1, 0.8),
        ("a", 0, 1, 0.7),
    ]
    assert [item.id for item in worst(tmp_path / "predictions.parquet", "fp32", ("good", "bad"), 1)] == ["c"]


def test_predictions_of_another_shape_are_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"predictions\.parquet"):
        worst(written(tmp_path), "int8", ("good", "bad"))
