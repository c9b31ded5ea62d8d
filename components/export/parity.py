"""Is the exported model the trained one? Largest difference, and decisions that changed."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from components.data.ahead import stacks

Samples = npt.NDArray[np.generic]
Answers = npt.NDArray[np.float32]
Predict = Callable[[Samples], Answers]
Same = Callable[[Answers, Answers], npt.NDArray[np.bool_]]


@dataclass(frozen=True)
class Parity:
    """How far two predictors are apart.

    Attributes:
        max_difference: largest absolute difference of a number of an answer, in units of its scale, over all batch
            sizes.
        samples: that were decided.
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
    expected: Answers,
    candidate: Predict,
    samples: Iterable[Samples],
    batches: Sequence[int],
    same: Same,
    scale: float | npt.NDArray[np.float64] = 1.0,
) -> Parity:
    """Compare what `predict` got from the reference with a candidate, at each batch size; `same` says of two answers
    (rows, …) which samples get the same decision by them, (N,): a sample may be several rows.

    `scale` is what a difference of answers is measured by. `samples` are gone through once for each, so they may be
    decoded again each time.
    """
    by_batch, changed = {}, ~same(expected, expected)
    for batch in batches:
        found = predict(candidate, samples, batch)
        by_batch[str(batch)] = float((np.abs(found.astype(np.float64) - expected) / scale).max())
        changed |= ~same(found, expected)
    return Parity(len(changed), max(by_batch.values()), int(changed.sum()), by_batch)


def predict(function: Predict, samples: Iterable[Samples], batch: int) -> Answers:
    """(rows, columns) in the order of `samples`; neighbours of one shape share a batch."""
    return np.concatenate([function(stack) for stack in stacks(samples, batch)])
