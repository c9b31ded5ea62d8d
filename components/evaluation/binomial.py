"""Intervals for shares and differences of shares that hold for any number of samples, also where none is wrong.

Counts may be fractional: with groups, they are those of an effective number of samples.
"""

import math

import numpy as np
import numpy.typing as npt
from scipy import special

from components.evaluation.sizes import CONTINUITY
from components.evaluation.spread import Floats

Bounds = tuple[Floats, Floats]
HALFWAY = 0.25  # a beta distribution with 0 more is Clopper-Pearson's lower bound, with 0.5 Jeffreys'
HALVINGS = 32  # of an interval of at most length 2: 5e-10, on the outer side


def clopper_pearson(right: npt.ArrayLike, count: npt.ArrayLike, tail: float) -> Bounds:
    """Bounds of the share that `right` of `count` samples estimate; each errs with probability `tail` at most.

    Source: Clopper & Pearson, Biometrika 26 (1934), by the beta distribution. Without samples: [0, 1].
    """
    x, n = np.broadcast_arrays(np.asarray(right, dtype=np.float64), np.asarray(count, dtype=np.float64))
    low = special.betaincinv(np.maximum(x, 1e-300), n - x + 1, tail)
    high = special.betaincinv(x + 1, np.maximum(n - x, 1e-300), 1 - tail)
    return np.where(x > 0, low, 0.0), np.where(x < n, high, 1.0)


def paired_shares(gained: npt.ArrayLike, lost: npt.ArrayLike, count: npt.ArrayLike, tail: float) -> Bounds:
    """Bounds of the difference of two paired shares, (gained - lost) / count: the outermost of two methods.

    The score test's limits err up to 4 % where nearly all decisions that differ are gained (61 samples, a difference
    of 0.1, 13 % discordant). There the limits from the bounds of both shares (MOVER) hold. The lower limit takes
    Clopper-Pearson's upper bound of the share lost, which may rest on few samples, and a lower bound of the share
    gained halfway between Clopper-Pearson's, which costs power, and Jeffreys', with which 2,000 samples err in 2.6 %;
    the upper limit, the other way round.
    Source: Tango, "Equivalence test and confidence interval for the difference in proportions for the paired-sample
    design", Statistics in Medicine 17 (1998), equations 5 to 8, with a continuity correction of our own; Zou & Donner,
    "Construction of confidence limits about effect measures", Statistics in Medicine 27 (2008), with the correlation
    of two counts of one multinomial; Brown, Cai & DasGupta, "Interval estimation for a binomial proportion",
    Statistical Science 16 (2001), for Jeffreys' interval.
    """
    numbers = (np.asarray(v, dtype=np.float64) for v in (gained, lost, count))
    b, c, n = np.broadcast_arrays(*numbers)
    sides = np.stack([b, c]), np.stack([c, b])
    low, high = np.minimum(_by_score(*sides, n, float(special.ndtri(1 - tail))), _by_bounds(*sides, n, tail))
    return low, -high


def _by_bounds(b: Floats, c: Floats, n: Floats, tail: float) -> Floats:
    """b / n - c / n less what both may be off, added up as for two estimates that are correlated."""
    share, other = b / n, c / n
    halfway = special.betaincinv(b + HALFWAY, n - b + 1 - HALFWAY, tail)
    below, above = np.where(b > 0, share - halfway, 0.0), clopper_pearson(c, n, tail)[1] - other
    rest = np.maximum((1 - share) * (1 - other), 1e-300)
    correlation = -np.sqrt(share * other / rest)
    return share - other - np.sqrt(np.maximum(below**2 + above**2 - 2 * correlation * below * above, 0))


def _by_score(b: Floats, c: Floats, n: Floats, z: float) -> Floats:
    """The difference at which the score falls to z: it falls throughout from -1 to the estimate."""
    low, high = np.full(b.shape, -1.0), (b - c) / n
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        beyond = _score(b, c, n, middle) > z
        low, high = np.where(beyond, middle, low), np.where(beyond, high, middle)
    return low


def _score(b: Floats, c: Floats, n: Floats, delta: Floats) -> Floats:
    """(b - c - n·delta - CONTINUITY) / its standard error, with the likeliest share of c that `delta` allows."""
    half = (2 * n - b + c) * delta - b - c
    root = np.sqrt(np.maximum(half**2 + 8 * n * c * delta * (1 - delta), 0))
    share = (root - half) / (4 * n)
    variance = n * (2 * share + delta * (1 - delta))
    return (b - c - n * delta - CONTINUITY) / np.sqrt(np.maximum(variance, 1e-300))


def mean_of(estimates: Floats, bounds: Bounds, ratio: float = 1.0) -> tuple[float, float]:
    """Bounds of the mean of several estimates from the bounds of each, which are recovered as variances.

    Args:
        ratio: variance of the mean, as a multiple of what it is for independent estimates.

    Source: Zou & Donner, "Construction of confidence limits about effect measures", Statistics in Medicine 27 (2008).
    """
    mean, count = float(estimates.mean()), len(estimates)
    below, above = (math.sqrt(ratio * float(((estimates - v) ** 2).sum())) / count for v in bounds)
    return mean - below, mean + above
