"""Is the exported model the trained one? Largest difference, and decisions that changed."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from components.data.ahead import stacks

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
    reference: Predict,
    candidates: Mapping[str, Predict],
    images: Iterable[Images],
    batches: Sequence[int],
    decide: Decide,
) -> dict[str, Parity]:
    """Compare each candidate with the reference, on real samples, uint8 (H, W, 3) each.

    `images` are gone through once for each batch size, so they may be decoded anew each time. Neighbours of
    one size share a batch. The reference runs once, at the largest batch.
    """
    expected: Probabilities | None = None
    changed: dict[str, npt.NDArray[np.bool_]] = {}
    differences: dict[str, dict[int, float]] = {name: {} for name in candidates}
    for batch in sorted(set(batches), reverse=True):
        wanted = {} if expected is not None else {"": reference}
        found = _predict({**wanted, **candidates}, images, batch)
        expected = expected if expected is not None else found[""]
        for name in candidates:
            difference = np.abs(found[name].astype(np.float64) - expected).max()
            differences[name][batch] = float(difference)
            changed[name] = changed.get(name, False) | (decide(found[name]) != decide(expected))
    count = len(expected) if expected is not None else 0
    return {
        name: Parity(count, max(by.values()), int(changed[name].sum()), {str(b): by[b] for b in batches})
        for name, by in differences.items()
    }


def _predict(
    functions: Mapping[str, Predict], images: Iterable[Images], batch: int
) -> dict[str, Probabilities]:
    """(N, classes) of each function, in the order of `images`."""
    rows: dict[str, list[Probabilities]] = {name: [] for name in functions}
    for stack in stacks(images, batch):
        for name, function in functions.items():
            rows[name].append(function(stack))
    return {name: np.concatenate(parts) for name, parts in rows.items()}
