"""Confidence intervals of one model's metrics, one method for each kind of metric."""

import numpy as np
from scipy import optimize

from components.evaluation import kinds
from components.evaluation.binomial import clopper_pearson, mean_of
from components.evaluation.calibration_error import interval as interval_of_calibration
from components.evaluation.intervals import Ends
from components.evaluation.kinds import dice
from components.evaluation.ranking import interval, logit_interval, ranked
from components.evaluation.spread import Floats, Plan, spread, unbiased
from components.problems.classification.judge import influence, metrics
from components.problems.classification.judge.metrics import Outcome

EACH_ERROR_COUNTS_IN = 2  # classes: that of the sample and that of the decision


def proportion(outcome: Outcome, plan: Plan) -> Ends:
    """Clopper-Pearson, with the effective number of samples where there are groups."""
    return kinds.proportion(outcome.correct, plan)


def mean_of_proportions(outcome: Outcome, plan: Plan) -> Ends:
    """The mean of recalls, which are independent, from Clopper-Pearson's bounds of each."""
    share = spread(influence.balanced_accuracy(outcome), plan).share
    counts = np.bincount(outcome.targets, minlength=outcome.classes)
    right = np.bincount(outcome.targets, weights=outcome.correct, minlength=outcome.classes)
    return mean_of(right / counts, clopper_pearson(right * share, counts * share, plan.tail))


def f1(outcome: Outcome, plan: Plan) -> Ends:
    """F1 = 2·J / (1 + J), where J = TP / (TP + FP + FN) is a proportion: Clopper-Pearson's bounds of J.

    Of several classes the mean, with the dependence between classes that the influences show.
    """
    share = spread(influence.f1(outcome), plan).share
    right, count = overlap(outcome)
    ends = tuple(dice(bound) for bound in clopper_pearson(right * share, count * share, plan.tail))
    each = dice(right / count)
    if len(each) == 1:
        return float(ends[0][0]), float(ends[1][0])
    return mean_of(each, (ends[0], ends[1]), _dependence(outcome))


def overlap(outcome: Outcome) -> tuple[Floats, Floats]:
    """TP and TP + FP + FN of each class that F1 is about."""
    right = outcome.targets[outcome.decisions == outcome.targets]
    both, actual, predicted = (
        np.bincount(some, minlength=outcome.classes)[list(outcome.asked)].astype(np.float64)
        for some in (right, outcome.targets, outcome.decisions)
    )
    return both, actual + predicted - both


def _dependence(outcome: Outcome) -> float:
    """Variance of the mean of F1 as a multiple of what it was if classes were independent."""
    apart, total = 0.0, np.zeros(len(outcome.targets))
    for index in outcome.asked:
        each = influence.f1_of(outcome, index)
        apart += float((each**2).sum())
        total += each
    together = float((total**2).sum())
    return max(1.0, together / apart) if apart > 0 else float(EACH_ERROR_COUNTS_IN)


def auroc(outcome: Outcome, plan: Plan) -> Ends:
    """The outermost of three: DeLong's on the logit scale, Newcombe's fifth, and what no sample shows.

    The last is a share of the smaller side that the order gets wholly wrong, and of which none of m is seen: tail^(1/m)
    is left of the area then. Without it, an area near 1 errs in 5 % where some positives have the lowest scores of all.
    """
    area = metrics.auroc(outcome)
    ours, theirs = sides(outcome)
    found = unbiased(influence.auroc(outcome), outcome.targets, plan)
    held = spread(found, plan, int(np.minimum(ours, theirs).min()))
    left = float((plan.tail ** (1 / (np.minimum(ours, theirs) * held.share))).mean())
    ends = (
        logit_interval(area, held),
        _newcombe(area, ours * held.share, theirs * held.share, held.reach),
        (area * left, 1 - (1 - area) * left),
    )
    return min(low for low, _ in ends), max(high for _, high in ends)


def sides(outcome: Outcome) -> tuple[Floats, Floats]:
    """Samples of each class that the metric is about, and the others."""
    counts = np.bincount(outcome.targets, minlength=outcome.classes)[list(outcome.asked)].astype(np.float64)
    return counts, len(outcome.targets) - counts


def _newcombe(area: float, ours: Floats, theirs: Floats, t: float) -> Ends:
    """The areas whose own standard error reaches `area`.

    Source: Newcombe, "Confidence intervals for an effect size measure based on the Mann-Whitney statistic, part 2",
    Statistics in Medicine 25 (2006), method 5; of several classes, the mean of the standard errors.
    """

    def off(theta: float) -> float:
        half = (ours + theirs) / 2 - 1
        spared = 1 + half * ((1 - theta) / (2 - theta) + theta / (1 + theta))
        return t * float(np.sqrt(theta * (1 - theta) * spared / (ours * theirs)).mean())

    inside = min(max(area, 1e-9), 1 - 1e-9)
    low, high = (optimize.brentq(lambda x: abs(area - x) - off(x), inside, end) for end in (0.0, 1.0))
    return float(low), float(high)


def average_precision(outcome: Outcome, plan: Plan) -> Ends:
    """See `components.evaluation.ranking.interval`."""
    found = unbiased(influence.average_precision(outcome), outcome.targets, plan)
    curves = [ranked(outcome.probabilities[:, c], outcome.targets == c) for c in outcome.asked]
    return interval(curves, found, int(np.minimum(*sides(outcome)).min()), plan)


def calibration_error(outcome: Outcome, plan: Plan) -> Ends:
    """See `components.evaluation.calibration_error.interval`."""
    return interval_of_calibration(outcome.gaps, plan)
