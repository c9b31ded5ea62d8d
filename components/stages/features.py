"""features/, as extract_features leaves it, opened by the stages that learn from it. Test samples have none."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from components.data.dataset import Dataset
from components.errors import StorageError
from components.problems.windows import NOTHING, Window
from components.stages.rows import Places
from components.storage.publish import read_json

NONE = -1
WINDOWS = "windows.json"


class Features:
    """Features of samples by their rows in the manifest, as a map of the file.

    Attributes:
        windows: where those of each sample lie; None where samples are not cut.
    """

    def __init__(
        self,
        values: npt.NDArray[np.float32],
        places: npt.NDArray[np.int64],
        windows: Places | None = None,
    ) -> None:
        self._values, self._places, self.windows = values, places, windows
        self._starts = np.cumsum([0, *(len(found) for found in (windows or {}).values())])

    @property
    def width(self) -> int:
        return int(self._values.shape[1])

    def __getitem__(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """(n,) rows of the manifest → (n, width); of a sample that is cut, the mean of its windows'.

        Raises StorageError for a sample of the test split: it has none.
        """
        places = self._known(rows)
        if self.windows is None:
            return np.asarray(self._values[places])
        spans = zip(self._starts[places], self._starts[places + 1], strict=True)
        means = [self._values[start:stop].mean(axis=0) for start, stop in spans]
        return np.array(means, dtype=np.float32).reshape(len(rows), self.width)

    def of(
        self, rows: npt.NDArray[np.int64], numbers: npt.NDArray[np.int64] | None
    ) -> npt.NDArray[np.float32]:
        """The same, or where `numbers` are given those of these windows of the samples."""
        return (
            self[rows]
            if numbers is None
            else np.asarray(self._values[self._starts[self._known(rows)] + numbers])
        )

    def _known(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        places = self._places[rows]
        if (places == NONE).any():
            raise StorageError(
                f"features/ holds none of {(places == NONE).sum()} samples; test samples never have features.",
                "Run: dvc repro -f extract_features",
            )
        return places


def places(dataset: Dataset) -> npt.NDArray[np.int64]:
    """(N,) place of each sample of the manifest among those that have features, -1 for those of the test split."""
    kept = np.ones(len(dataset), dtype=bool)
    kept[dataset.rows("test")] = False
    return np.where(kept, np.cumsum(kept) - 1, NONE)


def kept_ids(dataset: Dataset) -> list[str]:
    """Ids of the samples that have features, in the manifest's order."""
    return [sample for sample, at in zip(dataset.ids(), places(dataset), strict=True) if at != NONE]


def as_json(windows: Places) -> dict[str, object]:
    """Sample → [start, stop] of each window."""
    return {sample: [[w.start, w.stop] for w in found] for sample, found in windows.items()}


def _windows(described: Mapping[str, object]) -> Places:
    found: dict[str, list[Window]] = {}
    for sample, listed in described.items():
        assert isinstance(listed, list)
        found[sample] = [Window(NOTHING, tuple(start), tuple(stop)) for start, stop in listed]
    return found


def open_features(folder: Path) -> Features:
    """Raises StorageError where it is damaged."""
    found = []
    for name in ("features.npy", "places.npy"):
        try:
            found.append(np.load(folder / name, mmap_mode="r", allow_pickle=False))
        except (OSError, ValueError, EOFError) as error:
            raise StorageError(
                f"{folder / name} is damaged: {error}.", "Run: dvc repro -f extract_features"
            ) from None
    cut = folder / WINDOWS
    windows = _windows(read_json(cut)) if cut.exists() else None
    return Features(found[0], np.asarray(found[1]), windows)
