"""The largest errors of a regression."""

from collections.abc import Mapping, Sequence

import numpy as np

from components.evaluation.intervals import Interval
from components.evaluation.spread import Plan
from components.params.task import TaskParams
from components.problems.base import Description, Wrong
from components.problems.regression.judge.metrics import Outcome


class Show:
    """See components.problems.base.Show for what each member promises."""

    parts_of = ""

    def __init__(self, task: TaskParams, description: Description) -> None:
        self._numbers = description["numbers"]
        self._scale = np.asarray(description["statistics"]["scale"], dtype=np.float64)

    def worst(self, outcome: Outcome, most: int) -> Sequence[Wrong]:
        """By the number of a sample that is most standard deviations of its training targets off."""
        errors = np.abs(outcome.prediction - outcome.targets) / self._scale
        order = np.argsort(-np.nan_to_num(errors, nan=np.inf).max(axis=1), kind="stable")[:most]
        found = []
        for row in order.tolist():
            at = int(errors[row].argmax())
            actual, said = outcome.targets[row, at], outcome.prediction[row, at]
            found.append(Wrong(row, self._text(at, actual), self._text(at, said), None, at))
        return found

    def parts(self, outcome: Outcome, plan: Plan) -> Mapping[str, Mapping[str, Interval]]:
        return {}

    def _text(self, at: int, value: float) -> str:
        unit = self._numbers[at].get("unit")
        return f"{value:.4g} {unit}" if unit else f"{value:.4g}"
