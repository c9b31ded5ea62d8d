"""features/, as extract_features leaves it, opened by the stages that learn from it. Test samples have none."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from components.data.dataset import Dataset
from components.errors import StorageError

NONE = -1


class Features:
    """Features of samples by their rows in the manifest, as a map of the file."""

    def __init__(self, values: npt.NDArray[np.float32], places: npt.NDArray[np.int64]) -> None:
        self._values, self._places = values, places

    @property
    def width(self) -> int:
        return int(self._values.shape[1])

    def __getitem__(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """(n,) rows of the manifest → (n, width). Raises StorageError for a sample of the test split: it has none."""
        places = self._places[rows]
        if (places == NONE).any():
            raise StorageError(
                f"features/ holds none of {(places == NONE).sum()} samples; test samples never have features.",
                "Run: dvc repro -f extract_features",
            )
        return np.asarray(self._values[places])


def places(dataset: Dataset) -> npt.NDArray[np.int64]:
    """(N,) place of each sample of the manifest in features.npy, -1 for those of the test split."""
    kept = np.ones(len(dataset), dtype=bool)
    kept[dataset.rows("test")] = False
    return np.where(kept, np.cumsum(kept) - 1, NONE)


def kept_ids(dataset: Dataset) -> list[str]:
    """Ids of the samples that have features, in the manifest's order."""
    return [sample for sample, at in zip(dataset.ids(), places(dataset), strict=True) if at != NONE]


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
    return Features(found[0], np.asarray(found[1]))
