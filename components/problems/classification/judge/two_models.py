"""Confidence intervals of the difference of two models' metrics on the same samples, for each kind of metric."""

from collections.abc import Callable

import numpy as np

from components.evaluation import kinds, ranking
from components.evaluation.binomial import mean_of, paired_shares
from components.evaluation.calibration_error import difference as difference_of_calibration
from components.evaluation.intervals import Ends
from components.evaluation.kinds import score_interval
from components.evaluation.spread import Floats, Plan, Spread, spread, unbiased
from components.problems.classification.judge import influence, metrics
from components.problems.classification.judge.metrics import Outcome
from components.problems.classification.judge.one_model import overlap, sides


def proportion(one: Outcome, other: Outcome, plan: Plan) -> Ends:
    """See `kinds.proportions`; with the effective number of samples where there are groups."""
    return kinds.proportions(one.correct, other.correct, plan)


def mean_of_proportions(one: Outcome, other: Outcome, plan: Plan) -> Ends:
    """The mean over classes of differences that are independent, from the bounds of each."""
    share = spread(influence.balanced_accuracy(one) - influence.balanced_accuracy(other), plan).share
    counts = np.bincount(one.targets, minlength=one.classes)
    gained, lost = (
        np.bincount(one.targets, weights=v, minlength=one.classes) for v in _discordant(one, other)
    )
    return mean_of(
        (gained - lost) / counts, paired_shares(gained * share, lost * share, counts * share, plan.tail)
    )


def _discordant(one: Outcome, other: Outcome) -> tuple[Floats, Floats]:
    return np.maximum(one.correct - other.correct, 0), np.maximum(other.correct - one.correct, 0)


def f1(one: Outcome, other: Outcome, plan: Plan) -> Ends:
    """One sample more or less in TP of m moves F1 by 2 / (1 + J)² / m, where J = TP / m."""
    moves = []
    for outcome in (one, other):
        right, count = overlap(outcome)
        moves.append(2 / (1 + right / count) ** 2 / count)
    classes = len(one.asked)
    jump = float(np.max(moves)) * min(classes, 2) / classes
    difference = metrics.f1(one) - metrics.f1(other)
    return score_interval(difference, _spread(influence.f1, one, other, plan), jump)


def auroc(one: Outcome, other: Outcome, plan: Plan) -> Ends:
    """DeLong's for two correlated areas."""
    difference = metrics.auroc(one) - metrics.auroc(other)
    return score_interval(difference, _spread(influence.auroc, one, other, plan), _jump(one))


def average_precision(one: Outcome, other: Outcome, plan: Plan) -> Ends:
    """See `components.evaluation.ranking.difference`."""
    ours, theirs = (
        [ranking.ranked(outcome.probabilities[:, c], outcome.targets == c) for c in outcome.asked]
        for outcome in (one, other)
    )
    first, second = (unbiased(influence.average_precision(o), o.targets, plan) for o in (one, other))
    return ranking.difference((ours, theirs), (first, second), int(np.minimum(*sides(one)).min()), plan)


def calibration_error(one: Outcome, other: Outcome, plan: Plan) -> Ends:
    """See `components.evaluation.calibration_error.difference`."""
    return difference_of_calibration(one.gaps, other.gaps, plan)


def _spread(of: Callable[[Outcome], Floats], one: Outcome, other: Outcome, plan: Plan) -> Spread:
    smaller = int(np.minimum(*sides(one)).min())
    return spread(unbiased(of(one) - of(other), one.targets, plan), plan, smaller)


def _jump(outcome: Outcome) -> float:
    """What one sample that moves from the top of the order to its end takes from the metric."""
    return 1 / (float(np.minimum(*sides(outcome)).min()) * len(outcome.asked))
