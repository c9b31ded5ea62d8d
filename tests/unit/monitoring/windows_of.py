"""Windows of numbers, without any network."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from components.monitoring.observed import Observed


def window_of(
    embeddings: npt.NDArray[np.floating],
    sure: npt.NDArray[np.floating] | None = None,
    statistics: Mapping[str, npt.NDArray[np.float64]] | None = None,
    **about: object,
) -> Observed:
    """`sure` (N,) is the probability of the second of two classes, decided from 0.5 on."""
    count = len(embeddings)
    positive = np.full(count, 0.75) if sure is None else np.asarray(sure)
    return Observed(
        [f"s{number}" for number in range(count)],
        [f"{number:064}" for number in range(count)],
        ["no", "yes"],
        np.stack([1 - positive, positive], axis=1).astype(np.float32),
        (positive >= 0.5).astype(np.int64),
        np.asarray(embeddings, dtype=np.float32),
        statistics or {},
        np.full(count, -1, dtype=np.int64),
        about,
    )
