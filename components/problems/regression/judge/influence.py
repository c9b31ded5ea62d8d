"""How much each sample moves a metric: (N,) influences, whose sum is 0 and whose squares add up to the variance."""

import numpy as np

from components.evaluation.spread import Floats
from components.problems.regression.judge.metrics import Outcome, Places, ranks, unexplained


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
    parts = [_of_spearman(places) for places in zip(*outcome.places, strict=True)]
    return np.asarray(np.mean(parts, axis=0))


def _of_spearman(places: tuple[Places, Places]) -> Floats:
    """Of targets and predictions (N,)."""
    targets, said = map(ranks, places)
    (va, vb), count = (float((each**2).mean()) for each in (targets, said)), len(targets)
    if va * vb == 0:
        return np.zeros(count)
    # Where the sample stands, and by how much it lifts the ranks of those above it.
    product = targets * said + _above(places[0], said) + _above(places[1], targets)
    product -= product.mean()
    scale = np.sqrt(va * vb)
    one, other = (_of_variance(*each) for each in zip(places, (targets, said), strict=True))
    correlation = float((targets * said).mean()) / scale
    return np.asarray((product / scale - correlation / 2 * (one / va + other / vb)) / count)


def _of_variance(place: Places, rank: Floats) -> Floats:
    moved = rank**2 + 2 * _above(place, rank)
    return np.asarray(moved - moved.mean())


def _above(place: Places, weights: Floats) -> Floats:
    """(N,) mean over samples j of weights_j · (1 where place_j > place_i, ½ where equal)."""
    sums = np.bincount(place, weights=weights)
    beyond = np.cumsum(sums[::-1])[::-1] - sums / 2
    return np.asarray(beyond[place] / len(place))
