"""The largest errors of regression."""

from collections.abc import Mapping, Sequence

import numpy as np

from components.evaluation.intervals import Interval, intervals
from components.evaluation.spread import Plan
from components.params.task import TaskParams
from components.problems.base import Description, Wrong
from components.problems.regression.judge import TABLE
from components.problems.regression.judge.metrics import Outcome
from components.problems.regression.target.numbers import Numbers

SHOWN = ("rmse", "mae", "r2", "coverage", "interval_width")


class Show:
    """See components.problems.base.Show for what each member promises."""

    parts_of = "Numbers, each in its unit"

    def __init__(self, task: TaskParams, description: Description) -> None:
        self._numbers = Numbers.of(description)

    def worst(self, outcome: Outcome, most: int) -> Sequence[Wrong]:
        """Those with the largest error in standard deviations, of several numbers that of the one most off."""
        errors = np.abs(outcome.prediction - outcome.targets) / self._numbers.scale
        errors = np.nan_to_num(errors, nan=np.inf)
        rows = np.argsort(-errors.max(axis=1), kind="stable")[:most]
        return [
            self._wrong(outcome, int(row), int(errors[row].argmax())) for row in rows if errors[row].max() > 0
        ]

    def _wrong(self, outcome: Outcome, row: int, number: int) -> Wrong:
        actual, said = (
            self._words(values[row, number], number) for values in (outcome.targets, outcome.prediction)
        )
        return Wrong(row, actual, said, None, number)

    def _words(self, value: float, number: int) -> str:
        unit = self._numbers.units[number]
        named = f"{self._numbers.names[number]} " if len(self._numbers) > 1 else ""
        return f"{named}{value:.4g}{f' {unit}' if unit else ''}"

    def parts(self, outcome: Outcome, plan: Plan) -> Mapping[str, Mapping[str, Interval]]:
        """Of each of several numbers; of one, the metrics of all say it."""
        if len(self._numbers) == 1:
            return {}
        shown = {name: TABLE[name] for name in SHOWN}
        samples = Interval(float(len(outcome)), None, None, len(outcome))
        return {
            self._named(number): {**intervals(outcome.number(number), plan, shown), "samples": samples}
            for number in range(len(self._numbers))
        }

    def _named(self, number: int) -> str:
        name, unit = self._numbers.names[number], self._numbers.units[number]
        return f"{name} ({unit})" if unit else name
