"""Recall of each class: the accuracy on its samples, with the intervals that accuracy has.

Where samples have groups, only those that hold samples of the class count.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from components.evaluation.intervals import Interval, intervals, paired
from components.evaluation.metrics import TABLE, Outcome
from components.evaluation.spread import Plan

RECALL = "recall"
OF = f"{RECALL} of "
ACCURACY = "accuracy"
METRIC = TABLE[ACCURACY]  # better, range and kind of interval are those of accuracy


def recalls(outcome: Outcome, plan: Plan, classes: Sequence[str]) -> dict[str, Interval]:
    """Class → its recall.

    Args:
        classes: their names, in the order of the outcome's indices.
    """

    def interval(member: npt.NDArray[np.bool_]) -> Interval:
        return intervals(_only(outcome, member), plan.only(member), [ACCURACY])[ACCURACY]

    return _each(outcome, classes, interval)


def paired_recalls(one: Outcome, other: Outcome, plan: Plan, classes: Sequence[str]) -> dict[str, Interval]:
    """Class → difference of its recalls, one - other."""

    def interval(member: npt.NDArray[np.bool_]) -> Interval:
        parts = _only(one, member), _only(other, member)
        return paired(*parts, plan.only(member), [ACCURACY])[ACCURACY]

    return _each(one, classes, interval)


def _each(
    outcome: Outcome, classes: Sequence[str], interval: Callable[[npt.NDArray[np.bool_]], Interval]
) -> dict[str, Interval]:
    """What `interval` says of each class's samples; of a class without samples, that it has none."""
    found = {}
    for index, name in enumerate(classes):
        member = outcome.targets == index
        none = Interval(None, None, None, 0, None, f"no sample is of class {name!r}")
        found[name] = interval(member) if member.any() else none
    return found


def _only(outcome: Outcome, chosen: npt.NDArray[np.bool_]) -> Outcome:
    return replace(
        outcome,
        targets=outcome.targets[chosen],
        probabilities=outcome.probabilities[chosen],
        decisions=outcome.decisions[chosen],
    )
