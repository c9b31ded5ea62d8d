"""How much each sample moves a metric: (N,) influences, whose sum is 0 and whose squares add up to the variance."""

import numpy as np

from components.evaluation.spread import Floats
from components.problems.regression.judge.metrics import Outcome, ranks, unexplained


def of_mean(values: Floats) -> Floats:
    return np.asarray((values - values.mean()) / len(values))


def of_root(values: Floats) -> Floats:
    """√ mean of values that are not all 0, by the delta method."""
    middle = float(values.mean())
    return of_mean(values) / (2 * np.sqrt(middle)) if middle > 0 else np.zeros(len(values))


def of_unexplained(outcome: Outcome) -> Floats:
    """The mean over numbers of Σ (y - ŷ)² / Σ (y - ȳ)². That of ȳ is 0: it makes the lower sum least."""
    share = unexplained(outcome)
    spread = (outcome.targets - outcome.targets.mean(axis=0)) ** 2
    squares = (outcome.prediction - outcome.targets) ** 2
    return np.asarray(((squares - share * spread) / spread.sum(axis=0)).mean(axis=1))


def of_spearman(outcome: Outcome) -> Floats:
    """The mean over numbers; a sample moves the ranks of the others, too."""
    numbers = range(outcome.targets.shape[1])
    parts = [_of_spearman(outcome.targets[:, i], outcome.prediction[:, i]) for i in numbers]
    return np.asarray(np.mean(parts, axis=0))


def _of_spearman(targets: Floats, said: Floats) -> Floats:
    a, b = ranks(targets), ranks(said)
    va, vb, count = float((a**2).mean()), float((b**2).mean()), len(a)
    if va * vb == 0:
        return np.zeros(count)
    # Where the sample stands, and by how much it lifts the ranks of those above it.
    product = a * b + _above(targets, b) + _above(said, a)
    product -= product.mean()
    scale = np.sqrt(va * vb)
    one, other = (_of_variance(values, part) for values, part in ((targets, a), (said, b)))
    correlation = float((a * b).mean()) / scale
    return np.asarray((product / scale - correlation / 2 * (one / va + other / vb)) / count)


def _of_variance(values: Floats, rank: Floats) -> Floats:
    moved = rank**2 + 2 * _above(values, rank)
    return np.asarray(moved - moved.mean())


def _above(values: Floats, weights: Floats) -> Floats:
    """(N,) mean over samples j of weights_j · (1 where values_j > values_i, ½ where equal)."""
    kinds, place = np.unique(values, return_inverse=True)
    sums = np.bincount(place, weights=weights, minlength=len(kinds))
    beyond = np.cumsum(sums[::-1])[::-1] - sums / 2
    return np.asarray(beyond[place] / len(values))
