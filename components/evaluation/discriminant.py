"""A linear discriminant with one covariance, shrunk after Ledoit and Wolf (2004): a quick model of frozen features.

There is no parameter to choose, and a fifth of wrong labels moves the means a little, and their order hardly.
scikit-learn's discriminant estimates a shrunk covariance for each class, which takes as many times as long.
"""

import numpy as np
import numpy.typing as npt
from scipy import linalg, special
from sklearn.covariance import ledoit_wolf

Array = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]


def discriminant(features: Array, targets: Whole, asked: Array, classes: int) -> Array:
    """(M, classes) log-probabilities for the samples `asked` (M, width); of a class that `targets` do not hold, -inf.

    With many features they are overconfident, by a factor of several in their logits: see `label_noise.calibrated`.
    """
    seen, member, counts = np.unique(targets, return_inverse=True, return_counts=True)
    means = np.stack([features[member == label].mean(axis=0) for label in range(len(seen))])
    apart = features - means[member]
    scale = apart.std(axis=0)
    scale[scale == 0] = 1.0  # a feature that is constant in each class
    covariance, _ = ledoit_wolf(apart / scale, assume_centered=True)
    try:
        solved = linalg.cho_solve(linalg.cho_factor(covariance), (means / scale).T)
    except linalg.LinAlgError:  # nothing varies within the classes
        solved = linalg.lstsq(covariance, (means / scale).T)[0]
    weights = solved / scale[:, None]
    offsets = np.log(counts / len(targets)) - (means.T * weights).sum(axis=0) / 2
    found = np.full((len(asked), classes), -np.inf)
    found[:, seen] = special.log_softmax(asked @ weights + offsets, axis=1)
    return found
