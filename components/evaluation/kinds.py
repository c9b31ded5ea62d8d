"""Intervals of kinds of metrics that several problems have: proportions, F1, and differences by a score test."""

import math

import numpy as np

from components.evaluation.binomial import clopper_pearson, paired_shares
from components.evaluation.spread import Floats, Plan, Spread, spread

Ends = tuple[float, float]


def proportion(right: Floats, plan: Plan) -> Ends:
    """Of the share of 1 among `right` (N,): Clopper-Pearson, with the effective number of samples in groups."""
    count = len(right) * spread(_about_mean(right), plan).share
    low, high = clopper_pearson(right.mean() * count, count, plan.tail)
    return float(low), float(high)


def proportions(one: Floats, other: Floats, plan: Plan) -> Ends:
    """Of the difference of two shares of the same samples, with the effective number of samples in groups."""
    share = spread(_about_mean(one) - _about_mean(other), plan).share
    gained, lost = (float(np.maximum(a - b, 0).sum()) * share for a, b in ((one, other), (other, one)))
    low, high = paired_shares(gained, lost, len(one) * share, plan.tail)
    return float(low), float(high)


def _about_mean(right: Floats) -> Floats:
    """(N,) influences of a share."""
    return np.asarray((right - right.mean()) / len(right))


def dice(share: Floats) -> Floats:
    """F1 = 2·J / (1 + J) of the overlap J = TP / (TP + FP + FN)."""
    return np.asarray(2 * share / (1 + share))


def f1_influence(actual: Floats, predicted: Floats) -> Floats:
    """(N,) of F1 = 2·TP / (2·TP + FP + FN); actual and predicted are 0 or 1."""
    both, sides = actual * predicted, actual + predicted
    return np.asarray((2 * both - 2 * both.sum() / sides.sum() * sides) / sides.sum())


def score_interval(difference: float, held: Spread, jump: float) -> Ends:
    """By the standard error, and no narrower than differences that a few samples of such a `jump` would make.

    As in a score test, a difference of delta has at least the variance jump·(|delta| - delta²): so much has one that
    rests on delta / jump samples. This is what leaves width where no sample shows a difference.
    """
    k = held.reach**2 * jump / held.share
    return min(difference - held.off, -_farthest(difference, k)), max(
        difference + held.off, _farthest(-difference, k)
    )


def _farthest(difference: float, k: float) -> float:
    """The largest x with (difference + x)² = k·(x - x²), or -difference where there is none."""
    inside = (2 * difference - k) ** 2 - 4 * (1 + k) * difference**2
    if inside < 0:
        return -difference
    return max(-difference, (k - 2 * difference + math.sqrt(inside)) / (2 * (1 + k)))


def apart(values: Ends, bounds: tuple[Ends, Ends], correlation: float) -> Ends:
    """Bounds of the difference of two estimates from those of each: one that is skewed makes a difference skewed.

    Source: Zou, "Toward using confidence intervals to compare correlations", Psychological Methods 12 (2007): MOVER.
    """
    (low, high), (least, most) = bounds
    one, other = values

    def off(ours: float, theirs: float) -> float:
        return math.sqrt(max(ours**2 + theirs**2 - 2 * correlation * ours * theirs, 0.0))

    difference = one - other
    return difference - off(one - low, most - other), difference + off(high - one, other - least)
