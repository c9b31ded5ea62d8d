"""Mistakes of classification."""

from collections.abc import Mapping, Sequence

import numpy as np

from components.evaluation.intervals import Interval
from components.evaluation.spread import Plan
from components.params.task import TaskParams
from components.problems.base import Description
from components.problems.classification.judge.metrics import Outcome
from components.problems.operation import Wrong


class Show:
    """See components.problems.operation.Show for what each member promises."""

    parts_of = ""

    def __init__(self, task: TaskParams, description: Description) -> None:
        self._classes = tuple(description["classes"])

    def worst(self, outcome: Outcome, most: int) -> Sequence[Wrong]:
        """Those first that leave the true class the least probability."""
        rows = np.flatnonzero(outcome.decisions != outcome.targets)
        left = outcome.probabilities[rows, outcome.targets[rows]]
        found = []
        for row in rows[np.argsort(left, kind="stable")][:most].tolist():
            target, decision = int(outcome.targets[row]), int(outcome.decisions[row])
            names = self._classes[target], self._classes[decision]
            found.append(Wrong(row, *names, float(outcome.probabilities[row, decision]), decision))
        return found

    def parts(self, outcome: Outcome, plan: Plan) -> Mapping[str, Mapping[str, Interval]]:
        return {}
