"""Windows as rows of training: their targets, their features, and what is left out."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from training_workspace import Workspace

from components.errors import StorageError
from components.problems.windows import NOTHING, Window
from components.stages.domains import Chosen, rows_of
from components.stages.features import WINDOWS, as_json, open_features
from components.stages.network import NetworkLine
from components.stages.rows import row_id, sample_of
from components.storage.publish import write_json


class Halves:
    """A target is a number; a window that begins at 8 has none of its own."""

    def unknown(self, count: int) -> npt.NDArray[np.int64]:
        return np.full(count, -1)

    def known(self, targets: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        return np.asarray(targets >= 0)

    def of_windows(self, targets: npt.NDArray[Any], windows: Sequence[Window]) -> npt.NDArray[np.int64]:
        return np.array(
            [-1 if window.start[0] == 8 else targets[0] * 10 + window.start[0] for window in windows]
        )


def _windows(*starts: int) -> list[Window]:
    return [Window(NOTHING, (start,), (start + 8,)) for start in starts]


PLACES = {"a": _windows(0), "b": _windows(0, 4, 8), "c": _windows(0, 8)}


def _chosen(targets: Sequence[int]) -> Chosen:
    return Chosen(
        ["a", "b", "c"], np.array([5, 0, 2]), np.arange(3), np.array(targets), np.array(["x", "y", "z"])
    )


def test_windows_of_labelled_samples_without_a_target_are_left_out_and_those_of_unlabelled_ones_kept() -> (
    None
):
    found = rows_of(_chosen([1, 2, -1]), Halves(), PLACES)  # type: ignore[arg-type]
    assert found.ids == ["a#0", "b#0", "b#1", "c#0", "c#1"]
    assert [sample_of(row) for row in found.ids] == ["a", "b", "b", "c", "c"]
    assert found.rows.tolist() == [5, 0, 0, 2, 2]
    assert found.targets.tolist() == [10, 20, 24, -10, -1]
    assert found.domains.tolist() == ["x", "y", "y", "z", "z"]
    weights = found.per_row(np.array([0.5, 1.0, 2.0]))
    assert weights is not None
    assert weights.tolist() == [0.5, 1.0, 1.0, 2.0, 2.0]


def test_samples_that_are_not_cut_are_their_own_rows() -> None:
    whole = _chosen([1, 2, 3])
    assert rows_of(whole, Halves(), None) is whole  # type: ignore[arg-type]
    weights = np.ones(3)
    assert whole.per_row(weights) is weights
    assert whole.per_row(None) is None


def test_features_are_of_windows_or_the_means_of_a_sample(tmp_path: Path) -> None:
    np.save(tmp_path / "features.npy", np.arange(12, dtype=np.float32).reshape(6, 2))
    np.save(tmp_path / "places.npy", np.array([0, -1, 1, 2]))
    write_json(tmp_path / WINDOWS, as_json(PLACES))
    found = open_features(tmp_path)
    assert found.windows == PLACES
    assert found[np.array([2, 0])].tolist() == [[4, 5], [0, 1]]
    assert found.of(np.array([2, 3, 3]), np.array([2, 0, 1])).tolist() == [[6, 7], [8, 9], [10, 11]]
    with pytest.raises(StorageError, match="test samples never have features"):
        found.of(np.array([1]), np.array([0]))


class Cut:
    """A modality that cuts, and is not asked to do it again."""

    windowing: Mapping[str, int] = MappingProxyType({"length": 8})


def test_a_stage_that_reads_features_takes_the_windows_from_there(
    tmp_path: Path, workspace: Workspace
) -> None:
    np.save(tmp_path / "features.npy", np.zeros((6, 2), dtype=np.float32))
    np.save(tmp_path / "places.npy", np.arange(3))
    write_json(tmp_path / WINDOWS, as_json(PLACES))
    line = NetworkLine({"features": tmp_path}, workspace.params, workspace.context)
    line.modality = Cut()  # type: ignore[assignment]
    assert line.windows(["a", "c"]) == PLACES


def test_a_row_is_named_by_its_sample_and_number() -> None:
    assert sample_of(row_id("ab", 3)) == sample_of("ab") == "ab"
