"""Confidence intervals of multi-label metrics, and of the difference of two models on the same samples.

Decisions about the labels of one sample are not independent. Where a metric counts decisions, a sample is a group of
them, as a declared group is one of samples: an effective number of decisions takes the place of their number.
"""

import math
from dataclasses import replace

import numpy as np

from components.evaluation import kinds, ranking
from components.evaluation.binomial import clopper_pearson, mean_of
from components.evaluation.intervals import Ends
from components.evaluation.kinds import dice, f1_influence, score_interval
from components.evaluation.spread import Floats, Plan, spread
from components.problems.multi_label.judge.metrics import (
    Outcome,
    f1_by_label,
    macro_f1,
    micro_f1,
    overlap,
)


def _by_decision(plan: Plan, outcome: Outcome) -> Plan:
    """The plan for (N·L,) decisions, sample after sample."""
    units = np.arange(len(outcome)) if plan.groups is None else plan.groups
    return replace(plan, groups=np.repeat(units, outcome.labels))


def subset_accuracy(outcome: Outcome, plan: Plan) -> Ends:
    """Clopper-Pearson, with the effective number of samples where there are groups."""
    return kinds.proportion(outcome.exact, plan)


def subset_accuracies(one: Outcome, other: Outcome, plan: Plan) -> Ends:
    """Of paired shares."""
    return kinds.proportions(one.exact, other.exact, plan)


def hamming_loss(outcome: Outcome, plan: Plan) -> Ends:
    """Clopper-Pearson of wrong decisions, with their effective number."""
    return kinds.proportion(1 - outcome.right.ravel(), _by_decision(plan, outcome))


def hamming_losses(one: Outcome, other: Outcome, plan: Plan) -> Ends:
    """Of paired shares of wrong decisions, with their effective number."""
    return kinds.proportions(1 - one.right.ravel(), 1 - other.right.ravel(), _by_decision(plan, one))


def micro_f1_interval(outcome: Outcome, plan: Plan) -> Ends:
    """F1 = 2·J / (1 + J), where J = TP / (TP + FP + FN) is a proportion of decisions: Clopper-Pearson's bounds of J,
    with the effective number of decisions."""
    both, either = outcome.counts
    right, count = float(both.sum()), float(either.sum())
    share = spread(_micro(outcome).ravel(), _by_decision(plan, outcome)).share
    low, high = (dice(bound) for bound in clopper_pearson(right * share, count * share, plan.tail))
    return float(low), float(high)


def _micro(outcome: Outcome) -> Floats:
    """(N, L) influences on micro F1, as if every decision were a sample."""
    there, decided = (part.astype(np.float64) for part in (outcome.targets, outcome.decisions))
    return f1_influence(there, decided)


def micro_f1s(one: Outcome, other: Outcome, plan: Plan) -> Ends:
    """By the difference of influences, added up over each sample's decisions."""
    influence = (_micro(one) - _micro(other)).sum(axis=1)
    return score_interval(
        micro_f1(one) - micro_f1(other), spread(influence, plan), max(_move(one), _move(other))
    )


def _move(outcome: Outcome) -> float:
    """What one sample more or less with its usual number of decisions in TP moves micro F1."""
    both, either = outcome.counts
    right, count = float(both.sum()), float(either.sum())
    each = overlap(outcome)[1].sum(axis=1)
    usual = float((each**2).sum() / each.sum())
    return min(1.0, 2 / (1 + right / count) ** 2 / count * usual)


def macro_f1_interval(outcome: Outcome, plan: Plan) -> Ends:
    """Clopper-Pearson's bounds of each label's J; of F1 the mean, with the dependence that the influences show.

    Upwards it is taken halfway (in ratio) to that of labels which are wrong together: few errors show too little of
    it, and F1 of few samples is too low on average. Taken alike, up to 7 % of the upper bounds lay too low.
    """
    influences = _macro(outcome)
    total = influences.sum(axis=1)
    share = spread(total, plan).share
    both, either = outcome.counts
    low, high = (dice(bound) for bound in clopper_pearson(both * share, either * share, plan.tail))
    f1, dependence = f1_by_label(outcome), _dependence(influences)
    return (
        mean_of(f1, (low, high), dependence)[0],
        mean_of(f1, (low, high), math.sqrt(dependence * outcome.labels))[1],
    )


def _macro(outcome: Outcome) -> Floats:
    """(N, L) influences on F1 of each label."""
    columns = [
        f1_influence(*(part[:, label].astype(np.float64) for part in (outcome.targets, outcome.decisions)))
        for label in range(outcome.labels)
    ]
    return np.stack(columns, axis=1)


def _dependence(influences: Floats) -> float:
    """Variance of a mean over labels, as a multiple of what it was if labels were independent; 1 at least."""
    apart, together = float((influences**2).sum()), float((influences.sum(axis=1) ** 2).sum())
    return max(1.0, together / apart) if apart > 0 else float(influences.shape[1])


def macro_f1s(one: Outcome, other: Outcome, plan: Plan) -> Ends:
    """By the difference of influences; no narrower than one sample of the rarest label makes it."""
    influence = (_macro(one) - _macro(other)).mean(axis=1)
    jump = max(_macro_move(one), _macro_move(other))
    return score_interval(macro_f1(one) - macro_f1(other), spread(influence, plan), jump)


def _macro_move(outcome: Outcome) -> float:
    """What one decision more or less in TP of a label moves macro F1 at most."""
    both, either = outcome.counts
    return float((2 / (1 + both / either) ** 2 / either).max()) / outcome.labels


def average_precision(outcome: Outcome, plan: Plan) -> Ends:
    """See `components.evaluation.ranking.interval`."""
    return ranking.interval(_curves(outcome), _precision(outcome, plan), smaller_side(outcome), plan)


def average_precisions(one: Outcome, other: Outcome, plan: Plan) -> Ends:
    """See `components.evaluation.ranking.difference`."""
    influences = _precision(one, plan), _precision(other, plan)
    return ranking.difference((_curves(one), _curves(other)), influences, smaller_side(one), plan)


def _curves(outcome: Outcome) -> list[ranking.Ranked]:
    """One a label."""
    return [
        ranking.ranked(outcome.probabilities[:, label], outcome.targets[:, label] == 1)
        for label in range(outcome.labels)
    ]


def _precision(outcome: Outcome, plan: Plan) -> Floats:
    """(N,) influences on the mean of average precisions; each side's squares m / (m - 1) times where there are no
    groups, whose number `spread` corrects for instead."""
    total = np.zeros(len(outcome))
    for label in range(outcome.labels):
        positive = outcome.targets[:, label] == 1
        each = ranking.influence(outcome.probabilities[:, label], positive)
        if plan.groups is None:
            count = np.where(positive, positive.sum(), (~positive).sum())
            each = each * np.sqrt(count / np.maximum(count - 1, 1))
        total += each
    return np.asarray(total / outcome.labels)


def smaller_side(outcome: Outcome) -> int:
    """Samples of the smallest side, with or without it, of any label."""
    return int(np.minimum(outcome.positives, len(outcome) - outcome.positives).min())
