"""Arrays that are too large for memory and that nobody needs afterwards."""

import os
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from components.errors import StorageError
from components.system_errors import remedy_of


def scratch(folder: Path, dtype: str, shape: tuple[int, ...]) -> npt.NDArray[np.generic]:
    """Zeros in a file without a name below `folder`: it takes no memory and goes with the process.

    Raises StorageError where there is no room. The room is taken at once: a full disk met later, through the
    mapping, would be a SIGBUS, of which nobody can say anything.
    """
    folder.mkdir(parents=True, exist_ok=True)
    size = max(1, int(np.prod(shape)) * np.dtype(dtype).itemsize)
    with tempfile.TemporaryFile(dir=folder) as file:
        try:
            os.posix_fallocate(file.fileno(), 0, size)
        except OSError as error:
            raise StorageError(
                f"{folder} has no room for {size / 1e6:.0f} MB: {error.strerror}.", remedy_of(error)
            ) from error
        return np.memmap(file, dtype=dtype, mode="r+", shape=shape)
