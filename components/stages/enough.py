"""Whether there are as many samples as the export will ask for: told before anything is trained."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from components.data.dataset import AGAIN
from components.errors import DataError, StorageError
from components.params import Params


def check_parity_samples(usable: int, params: Params) -> None:
    """DataError where `usable` samples off the test side are fewer than the export compares."""
    asked = params.export.parity.samples
    if usable < asked:
        fix = f"Lower it to {usable} or less, or add samples." if usable else "Add samples."
        raise DataError(
            f"export.parity.samples is {asked}, but off the test side there are {usable} samples.", fix
        )


def usable_samples(dataset: Path) -> int:
    """How many samples of a dataset folder lie off the test side. StorageError where its manifest cannot be read."""
    try:
        table = pq.ParquetFile(dataset / "manifest.parquet").read(["split"])
    except (OSError, pa.ArrowException) as error:
        raise StorageError(f"{dataset} is damaged: {error}.", AGAIN) from None
    return sum(split != "test" for split in table.column("split").to_pylist())
