"""Ridge regression on the targets as columns (of classes: one-hot), from sums that any parts of the samples can add up.

Hoerl & Kennard, Technometrics 1970. With rows z (D,), targets y (C,) and weights w, n = Σ w, means z̄ and ȳ:

    min over W, b:  Σ w ‖W z + b - y‖² / 2n  +  l2/2 · ‖W‖²
    Wᵀ = (Σ w z zᵀ / n - z̄ z̄ᵀ + l2 · I)⁻¹ (Σ w z yᵀ / n - z̄ ȳᵀ),   b = ȳ - W z̄

Of classes, the outputs serve as logits. They lie near 0 and 1, so their softmax is too even: probabilities mean
something only after the temperature that `select` fits.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.errors import DataError
from components.heads.base import Array, Samples

CHUNK = 4096  # rows that are looked at together: memory does not grow with the samples
Embed = Callable[[npt.NDArray[np.float32]], Array]


@dataclass(frozen=True, eq=False)
class Statistics:
    """All that ridge regression needs to know of the samples: add those of the parts, then `solve`.

    Attributes:
        gram: Σ w z zᵀ, (D, D). cross: Σ w z yᵀ, (D, C). rows: Σ w z, (D,). targets: Σ w y, (C,).
        count: Σ w, which sites told each other before, with the moments.
        about: what z is, in words; sums about different things cannot be added.
    """

    gram: Array
    cross: Array
    rows: Array
    targets: Array
    count: float
    about: str

    def __add__(self, other: "Statistics") -> "Statistics":
        """DataError: the other sums are about something else."""
        if (self.about, self.cross.shape) != (other.about, other.cross.shape):
            raise DataError(
                f"Sums about {self.about} {self.cross.shape} and about {other.about} {other.cross.shape} cannot "
                "be added.",
                "All sites must agree on classes, seed, number of features and bandwidth, and add up the same "
                "moments first.",
            )
        return Statistics(
            self.gram + other.gram,
            self.cross + other.cross,
            self.rows + other.rows,
            self.targets + other.targets,
            self.count + other.count,
            self.about,
        )

    @property
    def numbers(self) -> int:
        """How many numbers a site sends: the matrix `gram` is symmetric. The number of samples has no part in it."""
        rows, classes = len(self.rows), len(self.targets)
        return rows * (rows + 1) // 2 + rows * classes + rows + classes + 1


def statistics(samples: Samples, embed: Embed, about: str) -> Statistics:
    """Sums over `samples`, whose features `embed` turns into rows z: (n, width) → float64 (n, D)."""
    parts = [
        _sums(samples, embed, slice(at, at + CHUNK), about) for at in range(0, len(samples.targets), CHUNK)
    ]
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def solve(total: Statistics, l2: float) -> tuple[Array, Array]:
    """weight (C, D) and bias (C,). DataError: a column without a single target, e.g. a class without samples."""
    absent = ~total.cross.any(axis=0)
    if absent.any():
        missing = int(absent.argmax())
        raise DataError(f"There is no sample of class {missing}.", "Each class needs one at some site.")
    count = total.count
    row, target = total.rows / count, total.targets / count
    gram = total.gram / count - np.outer(row, row)
    cross = total.cross / count - np.outer(row, target)
    weight = np.linalg.solve(gram + l2 * np.eye(len(row)), cross).T
    return np.asarray(weight, dtype=np.float64), target - weight @ row


def _sums(samples: Samples, embed: Embed, part: slice, about: str) -> Statistics:
    rows, targets = embed(samples.features[part]), samples.columns[part]
    weights = samples.masses[part]
    weighted = rows * weights[:, None]
    sums = weighted.T @ rows, weighted.T @ targets, weighted.sum(axis=0), weights @ targets
    return Statistics(*sums, float(weights.sum()), about)
