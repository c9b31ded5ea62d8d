"""How much each sample moves a metric: the derivative by its weight, where all weights are 1.

The squares of these add up to the variance of the metric (the infinitesimal jackknife: Efron, The Jackknife, the
Bootstrap and Other Resampling Plans, 1982, chapter 6). For AUROC they are the structural components of DeLong, DeLong &
Clarke-Pearson, Biometrics 44 (1988). Samples of a group are added up first: their sums are independent.
"""

import numpy as np
import numpy.typing as npt

from components.evaluation import ranking
from components.evaluation.kinds import f1_influence
from components.evaluation.spread import Floats
from components.problems.classification.judge.metrics import Outcome


def accuracy(outcome: Outcome) -> Floats:
    return np.asarray((outcome.correct - outcome.correct.mean()) / len(outcome.correct))


def balanced_accuracy(outcome: Outcome) -> Floats:
    counts = np.bincount(outcome.targets, minlength=outcome.classes)
    recalls = np.bincount(outcome.targets, weights=outcome.correct, minlength=outcome.classes) / counts
    return np.asarray(
        (outcome.correct - recalls[outcome.targets]) / (outcome.classes * counts[outcome.targets])
    )


def f1(outcome: Outcome) -> Floats:
    total = np.zeros(len(outcome.targets))
    for index in outcome.asked:
        total += f1_of(outcome, index)
    return np.asarray(total / len(outcome.asked))


def f1_of(outcome: Outcome, index: int) -> Floats:
    """The same for F1 of one class."""
    sides = (outcome.targets == index, outcome.decisions == index)
    return f1_influence(*(side.astype(np.float64) for side in sides))


def auroc(outcome: Outcome) -> Floats:
    total = np.zeros(len(outcome.targets))
    for index in outcome.asked:
        total += _auroc(outcome.probabilities[:, index], outcome.targets == index)
    return np.asarray(total / len(outcome.asked))


def _auroc(scores: Floats, positive: npt.NDArray[np.bool_]) -> Floats:
    """A positive counts by the share of negatives below it, a negative by the share of positives above; ties half."""
    ours, theirs = np.sort(scores[positive]), np.sort(scores[~positive])
    found = np.empty(len(scores))
    found[positive] = _below(theirs, scores[positive])
    found[~positive] = 1 - _below(ours, scores[~positive])
    area = found[positive].mean()
    found[positive] = (found[positive] - area) / len(ours)
    found[~positive] = (found[~positive] - area) / len(theirs)
    return found


def _below(rising: Floats, scores: Floats) -> Floats:
    left, right = (np.searchsorted(rising, scores, side=side) for side in ("left", "right"))
    return np.asarray((left + right) / 2 / len(rising))


def average_precision(outcome: Outcome) -> Floats:
    total = np.zeros(len(outcome.targets))
    for index in outcome.asked:
        total += ranking.influence(outcome.probabilities[:, index], outcome.targets == index)
    return np.asarray(total / len(outcome.asked))
