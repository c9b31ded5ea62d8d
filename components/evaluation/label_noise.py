"""Which labels are doubtful, by confident learning.

Northcutt, Jiang, Chuang: Confident Learning: Estimating Uncertainty in Dataset Labels, JAIR 70, 2021. From
probabilities p̂ that a model gives for samples it was not fitted to:

    t_j = mean of p̂(j | x) over the samples x with label j           what is usual for class j
    x, labelled i, is counted for j = argmax of p̂(j | x) over {j : p̂(j | x) ≥ t_j}

A label is doubtful where j ≠ i. The list begins where the label is least probable (self-confidence, section 3.2).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Doubts:
    """Attributes:
    rows: of the doubtful samples, the most doubtful first.
    likelier: (len(rows),) the class that each is counted for.
    """

    rows: Whole
    likelier: Whole


def doubtful(probabilities: Array, targets: Whole) -> Doubts:
    """Args:
    probabilities: (N, classes), out of sample.
    targets: (N,) int64, the labels.
    """
    classes = probabilities.shape[1]
    usual = np.array([_mean(probabilities[targets == j, j]) for j in range(classes)])
    confident = np.where(probabilities >= usual, probabilities, -1.0)
    counted = np.where(confident.max(axis=1) >= 0, confident.argmax(axis=1), targets)
    rows = np.flatnonzero(counted != targets)
    order = np.argsort(probabilities[rows, targets[rows]], kind="stable")
    return Doubts(rows[order], counted[rows[order]])


def _mean(values: Array) -> float:
    """Of a class that no sample has: more than any probability."""
    return float(values.mean()) if len(values) else np.inf
