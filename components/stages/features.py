"""features/, as extract_features leaves it, opened by the stages that learn from it."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from components.errors import StorageError


def open_features(folder: Path) -> npt.NDArray[np.float32]:
    """(samples, width), in the manifest's order, as a map of the file. Raises StorageError where it is damaged."""
    path = folder / "features.npy"
    try:
        found: npt.NDArray[np.float32] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise StorageError(f"{path} is damaged: {error}.", "Run: dvc repro -f extract_features") from None
    return found
