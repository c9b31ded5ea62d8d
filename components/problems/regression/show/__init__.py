"""What people see of regression."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from components.evaluation.intervals import Interval, intervals
from components.evaluation.spread import Plan
from components.params.task import TaskParams
from components.problems.base import Description, Fitted
from components.problems.operation import Wrong
from components.problems.regression.judge import TABLE
from components.problems.regression.judge.metrics import Outcome
from components.problems.regression.target.numbers import Numbers
from components.problems.shown import Chart, Panel, PlainShow, Words, in_words, listed

DRAWN = 6  # of more numbers only so many are drawn

# In the order of the page.
TITLES = {
    "rmse": "Root mean squared error",
    "mae": "Mean absolute error",
    "r2": "R²",
    "spearman": "Rank correlation (Spearman)",
    "pinball": "Quantile loss (pinball)",
    "coverage": "Coverage of the intervals",
    "interval_width": "Width of the intervals",
}
# Of each number, those in its unit first.
FACTS = ("rmse", "mae", "bias"), ("r2", "coverage")

SHOWN = ("rmse", "mae", "r2", "coverage", "interval_width")


class Show(PlainShow):
    """See components.problems.operation.Show for what each member promises."""

    titles = TITLES
    parts_of = "Number"
    mistakes = "The largest errors on the test side."

    def __init__(self, task: TaskParams, description: Description) -> None:
        self._numbers = Numbers.of(description)
        self.targets = listed(list(map(self._number, range(len(self._numbers)))))

    def _number(self, place: int) -> str:
        """`price (EUR, 0 to 100)`"""
        numbers = self._numbers
        unit, ends = numbers.units[place], numbers.bounds[place]
        about = [unit] if unit else []
        if ends is not None:
            about.append(" to ".join(map(in_words, ends)))
        return f"{numbers.names[place]} ({', '.join(about)})" if about else numbers.names[place]

    def counts(self, counts: Mapping[str, Any]) -> Mapping[str, str]:
        """The range of each number, and its median."""
        return {name: _range(held) for name, held in counts.items()}

    def fitted(self, fitted: Fitted) -> Sequence[Words]:
        margins = fitted.get("margins")
        if margins is None:
            return (("Prediction intervals", "none: too few calibration samples"),)
        # Conformalised quantiles: both learned ends are moved; else the interval lies around the prediction.
        sign = (
            "learned ends moved outwards by " if fitted.get("method") == "conformalised quantiles" else "± "
        )
        told = [self._margin(place, margin) for place, margin in enumerate(margins)]
        return (
            ("Coverage of prediction intervals", f"{100 * float(fitted.get('coverage', 0)):g} %"),
            ("Margin of prediction intervals", f"{sign}{listed(told)}"),
        )

    def _margin(self, place: int, margin: float) -> str:
        numbers = self._numbers
        unit, name = numbers.units[place], f" ({numbers.names[place]})" if len(numbers) > 1 else ""
        return f"{margin:.4g}{f' {unit}' if unit else ''}{name}"

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

    def panels(self, facts: Mapping[str, Any]) -> Sequence[Panel]:
        """One for each number; how wide the intervals are is of all of them together."""
        told = {one["name"]: one for one in facts.get("numbers", ())}
        names = self._numbers.names
        return [
            Panel(
                (*_charts(name), *(_coverage(facts) if place == 0 else ())),
                name if len(names) > 1 else "",
                _facts(told.get(name, {})),
            )
            for place, name in enumerate(names[:DRAWN])
        ]


def _range(held: Mapping[str, float | None]) -> str:
    least, middle, most = (held.get(key) for key in ("min", "median", "max"))
    if least is None or middle is None or most is None:
        return "–"
    return f"{least:.4g} to {most:.4g}, median {middle:.4g}"


def _charts(name: str) -> Sequence[Chart]:
    file, columns, rows = "residuals.csv", ("target", "prediction"), {"number": name}
    right = "On the diagonal, a prediction is right."
    left = "A trend or a funnel is what the network has not learned."
    return (
        Chart("Prediction over target", "scatter", file, columns, right, rows),
        Chart("Residuals", "residuals", file, columns, left, rows),
    )


def _coverage(facts: Mapping[str, Any]) -> Sequence[Chart]:
    note = "Where the line meets the dashed corner, the intervals cover what they promise."
    nominal, columns = facts.get("nominal_coverage"), ("width", "covered")
    return (Chart("Prediction intervals", "coverage", "intervals.csv", columns, note, nominal=nominal),)


def _facts(told: Mapping[str, Any]) -> Sequence[Words]:
    """Figures of a number, errors in its unit."""
    titles, unit = {**TITLES, "bias": "Mean error (prediction - target)"}, told.get("unit")
    return [
        (titles[key], f"{told[key]:.4g}{f' {unit}' if unit and key in FACTS[0] else ''}")
        for key in (*FACTS[0], *FACTS[1])
        if told.get(key) is not None
    ]
