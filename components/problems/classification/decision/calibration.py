"""Temperature and decision threshold.

Temperature scaling (Guo et al., On Calibration of Modern Neural Networks, ICML 2017): p = softmax(z / T),
with T > 0 minimising the negative log-likelihood of held-out samples, under a weak prior (components.evaluation).
"""

import numpy as np
import numpy.typing as npt
from scipy.special import log_softmax

from components.evaluation.calibration import best_temperature

Array = npt.NDArray[np.float64]
Targets = npt.NDArray[np.int64]


def negative_log_likelihood(logits: Array, targets: Targets, temperature: float = 1.0) -> float:
    """Mean NLL in nats; logits (N, C), targets (N,)."""
    rows = log_softmax(logits / temperature, axis=1)
    return float(-rows[np.arange(len(targets)), targets].mean())


def fit_temperature(logits: Array, targets: Targets) -> float:
    """T in [0.05, 20] of the highest posterior. EvaluationError without samples."""
    return best_temperature(lambda t: negative_log_likelihood(logits, targets, t), len(targets))
