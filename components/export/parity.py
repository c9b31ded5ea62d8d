"""Is the exported model the trained one? Largest difference, and decisions that changed."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

Images = npt.NDArray[np.uint8]
Probabilities = npt.NDArray[np.float32]
Predict = Callable[[Images], Probabilities]
Decide = Callable[[Probabilities], npt.NDArray[np.int64]]


@dataclass(frozen=True)
class Parity:
    """How far two predictors are apart.

    Attributes:
        max_difference: largest absolute difference of a probability, over all batch sizes.
        changed_decisions: samples whose decision differs at some batch size.
        by_batch: batch size → largest absolute difference.
    """

    samples: int
    max_difference: float
    changed_decisions: int
    by_batch: dict[str, float]

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def measure(
    reference: Predict, candidate: Predict, images: Sequence[Images], batches: Sequence[int], decide: Decide
) -> Parity:
    """Compare on real samples, uint8 (H, W, 3) each; equal sizes share a batch of at most each size given."""
    expected = predict(reference, images, max(batches))
    by_batch, changed = {}, np.zeros(len(images), dtype=bool)
    for batch in batches:
        found = predict(candidate, images, batch)
        by_batch[str(batch)] = float(np.abs(found.astype(np.float64) - expected).max())
        changed |= decide(found) != decide(expected)
    return Parity(len(images), max(by_batch.values()), int(changed.sum()), by_batch)


def predict(function: Predict, images: Sequence[Images], batch: int) -> Probabilities:
    """(N, classes) in the order of `images`."""
    rows: dict[int, Probabilities] = {}
    for start, stop in _runs(images, batch):
        found = function(np.stack(images[start:stop]))
        rows.update(zip(range(start, stop), found, strict=True))
    return np.stack([rows[i] for i in range(len(images))])


def _runs(images: Sequence[Images], batch: int) -> list[tuple[int, int]]:
    """Stretches of neighbours of one size, at most `batch` long."""
    runs: list[tuple[int, int]] = []
    for index, image in enumerate(images):
        if runs and index - runs[-1][0] < batch and images[runs[-1][0]].shape == image.shape:
            runs[-1] = (runs[-1][0], index + 1)
        else:
            runs.append((index, index + 1))
    return runs
