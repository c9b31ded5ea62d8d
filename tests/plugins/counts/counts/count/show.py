"""Mistakes of counts."""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.stats import poisson

from components.evaluation.intervals import Interval
from components.evaluation.spread import Plan
from components.params.task import TaskParams
from components.problems.base import Description
from components.problems.operation import Wrong
from counts.count.judge import Outcome


class Show:
    """See components.problems.operation.Show for what each member promises."""

    parts_of = ""

    def __init__(self, task: TaskParams, description: Description) -> None:
        pass

    def worst(self, outcome: Outcome, most: int) -> Sequence[Wrong]:
        """Those with the largest deviance; all but the probability of the true count spoke against it."""
        rows = np.argsort(-outcome.deviance, kind="stable")[:most]
        against = 1 - poisson.pmf(outcome.targets, outcome.rates)
        return [
            Wrong(int(row), f"{outcome.targets[row]:g}", f"{outcome.rates[row]:.3g}", float(against[row]), 0)
            for row in rows
        ]

    def parts(self, outcome: Outcome, plan: Plan) -> Mapping[str, Mapping[str, Interval]]:
        return {}
