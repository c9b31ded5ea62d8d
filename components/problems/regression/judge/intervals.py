"""Confidence intervals of regression's metrics, and of their differences; benchmarks/regression.py measures them."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from components.evaluation.binomial import clopper_pearson, paired_shares
from components.evaluation.intervals import Ends
from components.evaluation.spread import Floats, Plan, Spread, reach, spread
from components.problems.regression.judge import influence, metrics
from components.problems.regression.judge.metrics import Outcome

NORMAL = 3.0  # fourth moment of a normal distribution over the square of its second
# Squares of errors that were not drawn may be so many times the largest that was: their tails are the heaviest.
SQUARES = 2.0
Values = Callable[[Outcome], Floats]


def held(influences: Floats, plan: Plan) -> Spread:
    """Of an estimate whose samples have these influences (N,).

    Degrees of freedom are counted by the samples, and fewer where few of them have most of the influence (Carter,
    Schnepel & Steigerwald, Review of Economics and Statistics 99, 2017): normal influences count in full.
    """
    if plan.groups is not None:
        return spread(influences, plan)
    count, squares = len(influences), float((influences**2).sum())
    fourth = float((influences**4).sum())
    if not fourth > 0:
        return Spread(0.0, 1.0, reach(plan.tail, count))
    units = min(count, NORMAL * squares**2 / fourth)
    return Spread(squares * count / max(count - 1, 1), 1.0, reach(plan.tail, units))


def unseen(share: float, count: int, plan: Plan) -> float:
    """Of a kind of samples that none of `count` shows, there are -log(tail) in `count` at most."""
    return min(1.0, -math.log(plan.tail) / (count * share))


def of_mean(values: Floats, plan: Plan, largest: float = 1.0) -> Ends:
    """Of values that are not negative, as losses are.

    Up, on the logarithmic scale, as a skewed mean needs; with room for as many samples with the largest loss, times
    `largest`, as may be among those that were not drawn. Down, on the plain scale.
    """
    middle, found = float(values.mean()), held(influence.of_mean(values), plan)
    if not middle > 0:
        return 0.0, float(unseen(found.share, len(values), plan) * np.finfo(np.float32).eps)
    off = middle * (math.exp(min(found.off / middle, 50.0)) - 1)
    more = unseen(found.share, len(values), plan) * (largest * float(values.max()) - middle)
    return middle - found.off, middle + off + more


def mean(values: Values) -> Callable[[Outcome, Plan], Ends]:
    return lambda outcome, plan: of_mean(values(outcome), plan)


def rmse(outcome: Outcome, plan: Plan) -> Ends:
    """The root of the bounds of the mean square."""
    low, high = of_mean(outcome.square, plan, SQUARES)
    return math.sqrt(max(low, 0.0)), math.sqrt(high)


def coverage(outcome: Outcome, plan: Plan) -> Ends:
    """Of the worst of k numbers: the lowest of their lower bounds, and of their upper bounds with a tail of 1/k each.

    A lower bound errs only where that of the worst number does, which is one (intersection-union). An upper bound errs
    where any does, so these are corrected (Bonferroni).
    """
    numbers = outcome.covered.T
    shared = plan if len(numbers) == 1 else replace(plan, confidence=1 - 2 * plan.tail / len(numbers))
    low = min(_covered(one, plan)[0] for one in numbers)
    return low, min(_covered(one, shared)[1] for one in numbers)


def _covered(covered: Floats, plan: Plan) -> Ends:
    """Clopper-Pearson of (N,), with the effective number of samples where there are groups.

    Down, then no higher than Student's t with room for groups that were not drawn: where few groups have most of the
    misses, up to 8.9 % of the lower bounds lay above the true value without it.
    """
    influences, share = influence.of_mean(covered), float(covered.mean())
    found = spread(influences, plan)
    count = len(covered) * found.share
    low, high = clopper_pearson(share * count, count, plan.tail)
    if plan.groups is None:
        return float(low), float(high)
    return min(float(low), share - found.off - unseen_groups(influences, plan)), float(high)


def unseen_groups(influences: Floats, plan: Plan) -> float:
    """What so many more groups like that of the least influence would take as may be among those that were not drawn:
    -log(tail), as `unseen` says. 0 where there are no groups."""
    if plan.groups is None:
        return 0.0
    member = np.unique(plan.groups, return_inverse=True)[1]
    return math.log(plan.tail) * float(np.bincount(member, weights=influences).min())


def r2(outcome: Outcome, plan: Plan) -> Ends:
    """Of 1 - R², a ratio of two means, on the logarithmic scale, with room for samples that were not drawn."""
    share = float(metrics.unexplained(outcome).mean())
    influences = influence.of_unexplained(outcome)
    found = held(influences, plan)
    if not share > 0:
        return float(1.0 - unseen(found.share, len(outcome), plan) * np.finfo(np.float32).eps), 1.0
    more = unseen(found.share, len(outcome), plan) * max(float(influences.max()) * len(outcome), 0.0)
    off = share * (math.exp(min(found.off / share, 50.0)) - 1)
    return 1 - share - off - more, 1 - max(share - found.off, 0.0)


def spearman(outcome: Outcome, plan: Plan) -> Ends:
    """On Fisher's z scale: the wider of the jackknife's standard error and Bonett & Wright's.

    Down, with room for groups that were not drawn: else up to 5.3 % of the lower bounds lay above the true value.
    Source: Bonett & Wright, "Sample size requirements for estimating Pearson, Kendall and Spearman correlations",
    Psychometrika 65 (2000): √((1 + r²/2) / (n - 3)).
    """
    value = min(max(metrics.spearman(outcome), -1.0), 1.0)
    influences = influence.of_spearman(outcome)
    found = held(influences, plan)
    inside = min(max(value, -1 + 1e-9), 1 - 1e-9)
    count = max(len(outcome) * found.share - 3, 1.0)
    formula = reach(plan.tail, count + 3) * math.sqrt((1 + inside**2 / 2) / count)
    down, up = (
        max(off / (1 - inside**2), formula)
        for off in (math.hypot(found.off, unseen_groups(influences, plan)), found.off)
    )
    middle = math.atanh(inside)
    return math.tanh(middle - down), math.tanh(middle + up)


def paired_coverage(one: Outcome, other: Outcome, plan: Plan) -> Ends:
    """Of two models' worst numbers: from the lowest to the highest bound of the difference of one number.

    The difference is at least that of the number which is worst in `one`, and at most that of the number which is worst
    in `other`: neither bound needs a correction.
    """
    each = [_gained(*columns, plan) for columns in zip(one.covered.T, other.covered.T, strict=True)]
    return min(low for low, _ in each), max(high for _, high in each)


def _gained(one: Floats, other: Floats, plan: Plan) -> Ends:
    """Of paired shares (N,), with the effective number of samples where there are groups."""
    gained, lost = np.maximum(one - other, 0), np.maximum(other - one, 0)
    share = spread(influence.of_mean(one) - influence.of_mean(other), plan).share
    low, high = paired_shares(gained.sum() * share, lost.sum() * share, len(one) * share, plan.tail)
    return float(low), float(high)


def paired_mean(values: Values) -> Callable[[Outcome, Outcome, Plan], Ends]:
    """By the differences, sample by sample."""

    def ends(one: Outcome, other: Outcome, plan: Plan) -> Ends:
        ours, theirs = values(one), values(other)
        return _difference(ours - theirs, ours + theirs, plan)

    return ends


def paired_width(one: Outcome, other: Outcome, plan: Plan) -> Ends:
    """With room for groups that were not drawn, without which up to 4.1 % of the ends missed the true value."""
    low, high = paired_mean(lambda outcome: outcome.width)(one, other, plan)
    influences, middle = influence.of_mean(one.width - other.width), float((one.width - other.width).mean())
    down, up = (unseen_groups(side * influences, plan) for side in (1.0, -1.0))
    return middle - math.hypot(middle - low, down), middle + math.hypot(high - middle, up)


def paired_rmse(one: Outcome, other: Outcome, plan: Plan) -> Ends:
    """Of the mean squares' difference, over the sum of the roots: a² - b² = (a - b) (a + b)."""
    both = metrics.rmse(one) + metrics.rmse(other)
    if not both > 0:
        return _difference(np.zeros(len(one)), np.zeros(len(one)), plan)
    moves = len(one) * (influence.of_root(one.square) - influence.of_root(other.square))
    difference = metrics.rmse(one) - metrics.rmse(other)
    return _difference(difference + moves, (one.square + other.square) / both, plan)


def paired_r2(one: Outcome, other: Outcome, plan: Plan) -> Ends:
    ours, theirs = influence.of_unexplained(one), influence.of_unexplained(other)
    difference = metrics.r2(one) - metrics.r2(other)
    sizes = (one.error**2 + other.error**2) / np.maximum(one.targets.var(axis=0) / one.unit**2, 1e-300)
    return _difference(difference - len(one) * (ours - theirs), sizes.mean(axis=1), plan)


def paired_spearman(one: Outcome, other: Outcome, plan: Plan) -> Ends:
    moves = len(one) * (influence.of_spearman(one) - influence.of_spearman(other))
    difference = metrics.spearman(one) - metrics.spearman(other)
    return _difference(difference + moves, np.ones(len(one)), plan)


def _difference(values: Floats, sizes: Floats, plan: Plan) -> Ends:
    """Of the mean of `values` (N,), each with how far it could differ at most, `sizes`.

    No narrower than the samples that were not drawn could make it: a share of them as different as the samples are on
    average. This is what leaves width where no sample shows a difference.
    """
    middle, found = float(values.mean()), held(influence.of_mean(values), plan)
    more = unseen(found.share, len(values), plan)
    most = float(np.abs(values - middle).max())
    off = math.hypot(found.off, more * max(most, float(sizes.mean()), float(np.finfo(np.float32).eps)))
    return middle - off, middle + off
