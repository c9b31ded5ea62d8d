"""What problems share about calibration: how far a temperature may go, and a threshold by a rule.

A few samples that are all right would drive a temperature to 0 and every probability to 1, so log T has a weak prior:
normal, mean 0, standard deviation PRIOR.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar

from components.errors import EvaluationError
from components.params.learning import Threshold

Array = npt.NDArray[np.float64]
PRIOR = 0.5  # of log T: networks from elsewhere are seldom off by more than a factor of 3


def best_temperature(likelihood: Callable[[float], float], count: int) -> float:
    """T in [0.05, 20] of the highest posterior: least `count` · `likelihood`(T) + (log T)² / 2 PRIOR².

    Args:
        likelihood: mean negative log-likelihood of the calibration samples' terms at a temperature, in nats.
        count: of independent terms; 0 raises EvaluationError.
    """
    if count == 0:
        raise EvaluationError("The calibration side is empty.", "Raise data.split.calibration.")

    def cost(log_t: float) -> float:
        return count * likelihood(float(np.exp(log_t))) + log_t**2 / (2 * PRIOR**2)

    found = minimize_scalar(cost, bounds=(np.log(0.05), np.log(20.0)), method="bounded")
    return float(np.exp(found.x))


def find_threshold(positive: Array, is_positive: npt.NDArray[np.bool_], rule: Threshold) -> float:
    """The threshold t of `decide positive when p >= t` that the rule asks for, on validation samples.

    Args:
        positive: (N,) probabilities of the positive class. is_positive: (N,).

    `best_*` take the midpoint between neighbouring probabilities with the best score (nearest 0.5 of equals);
    `recall_at_least` takes the highest threshold whose recall reaches `value`.

    Raises:
        EvaluationError: one class only, or a probability that is not a number.
    """
    if rule.rule == "fixed":
        return rule.value
    positives, negatives = int(is_positive.sum()), int((~is_positive).sum())
    if positives == 0 or negatives == 0:
        raise EvaluationError("The validation side holds one class only; no threshold can be chosen on it.")
    if not np.isfinite(positive).all():
        raise EvaluationError("A probability of a validation sample is not a number.")
    values, place = np.unique(positive, return_inverse=True)
    candidates = np.concatenate([values[:1] / 2, (values[1:] + values[:-1]) / 2])
    decided = _from_there_up(np.bincount(place))
    hits = _from_there_up(np.bincount(place, weights=is_positive))
    false = decided - hits
    if rule.rule == "recall_at_least":
        return float(candidates[hits / positives >= rule.value].max())
    if rule.rule == "best_f1":
        scores = 2 * hits / (decided + positives)
    else:
        scores = (hits / positives + 1 - false / negatives) / 2
    best = candidates[scores >= scores.max() - 1e-12]
    return float(best[np.abs(best - 0.5).argmin()])


def _from_there_up(counts: npt.NDArray[np.generic]) -> Array:
    return np.cumsum(counts[::-1].astype(np.float64))[::-1]
