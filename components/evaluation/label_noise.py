"""Which labels are doubtful, by confident learning.

Northcutt, Jiang, Chuang: Confident Learning: Estimating Uncertainty in Dataset Labels, JAIR 70, 2021. From
probabilities p̂ that a model gives for samples it was not fitted to:

    t_j = mean of p̂(j | x) over the samples x with label j           what is usual for class j
    x, labelled i, is counted for j = argmax of p̂(j | x) over {j : p̂(j | x) ≥ t_j}

A label is doubtful where j ≠ i. The list begins where the label is least probable (self-confidence, section 3.2).

A linear model of a thousand features is overconfident: its p̂ are 0 or 1 nearly everywhere. The rule still finds the
wrong labels (with calibrated p̂ it lists fewer, and misses more of them), but such numbers tell a reader nothing: what
is shown, and what the list is sorted by, is `calibrated`.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from components.evaluation.calibration import best_temperature

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


def calibrated(scores: Array, targets: Whole) -> Array:
    """(N, classes) probabilities softmax(scores / T), with the T of the least log loss on `targets`.

    Guo, Pleiss, Sun, Weinberger: On Calibration of Modern Neural Networks, ICML 2017, section 4.2.

    Args:
        scores: (N, classes) log-probabilities, out of sample; -inf of a class that was not met.
        targets: (N,) int64, the labels.
    """
    rows = np.arange(len(targets))
    known = np.isfinite(scores[rows, targets])

    def loss(temperature: float) -> float:
        at = special.log_softmax(scores[known] / temperature, axis=1)
        return float(-at[np.arange(len(at)), targets[known]].mean())

    temperature = best_temperature(loss, int(known.sum()))
    return np.asarray(special.softmax(scores / temperature, axis=1))


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


def written(probability: float) -> str:
    """A probability with the digits that tell it from 0 and from 1."""
    if 0 < probability < 1e-4:
        return f"{probability:.1e}"
    if 1 - 1e-4 < probability < 1:
        return f"{probability:.{1 - math.floor(math.log10(1 - probability))}f}"
    return f"{probability:.4f}"


def _mean(values: Array) -> float:
    """Of a class that no sample has: more than any probability."""
    return float(values.mean()) if len(values) else np.inf
