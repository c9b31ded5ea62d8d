"""How right a release is: estimated where nobody knows the answers, measured where they have arrived."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

Array = npt.NDArray[np.float64]
RESAMPLES = 1000


@dataclass(frozen=True)
class Interval:
    """An estimate in [low, high], of `samples`."""

    estimate: float
    low: float
    high: float
    samples: int


def threshold(confidence: Array, right: npt.NDArray[np.bool_]) -> float:
    """t at which the share of confidences below it is the share of wrong decisions, on labelled samples (N,).

    Average thresholded confidence (Garg, Balakrishnan, Lipton, Neyshabur & Sedghi, "Leveraging Unlabeled Data to
    Predict Out-of-Distribution Performance", ICLR 2022, equation 2), with the confidence in the decision as its score.
    """
    wrong = int((~right).sum())
    rising = np.sort(confidence)
    return float(rising[wrong]) if wrong < len(rising) else float(np.nextafter(rising[-1], np.inf))


def estimated(
    reference: Array, right: npt.NDArray[np.bool_], window: Array, level: float, draw: np.random.Generator
) -> Interval:
    """Accuracy on `window` (M,): the share of confidences from the threshold on (equation 1).

    The percentile bootstrap resamples both sides: it tells the noise of so few samples, and not whether the method's
    premise holds, that confidence means on these data what it meant on the reference.
    """
    estimate = float((window >= threshold(reference, right)).mean())
    found = np.empty(RESAMPLES)
    for number in range(RESAMPLES):
        ours = draw.integers(len(reference), size=len(reference))
        theirs = draw.integers(len(window), size=len(window))
        found[number] = (window[theirs] >= threshold(reference[ours], right[ours])).mean()
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
    return Interval(estimate, float(low), float(high), len(window))


def measured(right: npt.NDArray[np.bool_], level: float) -> Interval:
    """Accuracy on labelled samples (N,), with Wilson's score interval (JASA 22, 1927)."""
    tested = stats.binomtest(int(right.sum()), len(right))
    bounds = tested.proportion_ci(confidence_level=level, method="wilson")
    return Interval(float(right.mean()), float(bounds.low), float(bounds.high), len(right))
