"""Metrics of regression with the methods of their intervals, and tables for plots."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from components.evaluation.intervals import Ends, Method, Metric
from components.evaluation.spread import Plan
from components.params.task import TaskParams
from components.problems.base import Column, Decisions, Description, Targets
from components.problems.regression import KEPT, METRICS, PARTS
from components.problems.regression.judge import intervals, metrics
from components.problems.regression.judge.metrics import Outcome
from components.problems.regression.params import RegressionParams
from components.problems.regression.target.numbers import Numbers, columns

INFINITY = float("inf")
# Share of the interval's half width → how many of the test samples lie within: at 1 it is the coverage.
STEPS = tuple(step / 10 for step in range(1, 21))
Rows = Sequence[Sequence[object]]
# Samples from which the intervals keep their promise (docs/gates.md): of means, of ranks, of squares and quantiles.
# Rare large errors, which few samples do not show, make up most of a square and of a quantile's loss.
LEAST, LEAST_RANKS, LEAST_SQUARES = 30, 10, 300


def _means(
    values: intervals.Values,
    least: int = LEAST,
    paired: Callable[[Outcome, Outcome, Plan], Ends] | None = None,
) -> Method[Outcome]:
    return Method[Outcome](
        "mean loss",
        "t on the logarithmic scale",
        intervals.mean(values),
        "t of differences",
        paired or intervals.paired_mean(values),
        least,
    )


ROOT = Method[Outcome](
    "root mean square",
    "t on the logarithmic scale",
    intervals.rmse,
    "delta method",
    intervals.paired_rmse,
    LEAST_SQUARES,
)
EXPLAINED = Method[Outcome](
    "R²",
    "delta method on the logarithmic scale",
    intervals.r2,
    "delta method",
    intervals.paired_r2,
    LEAST_SQUARES,
)
RANKS = Method[Outcome](
    "rank correlation",
    "Bonett-Wright, infinitesimal jackknife",
    intervals.spearman,
    "infinitesimal jackknife",
    intervals.paired_spearman,
    LEAST_RANKS,
)
COVERAGE = Method[Outcome](
    "proportion", "Clopper-Pearson", intervals.coverage, "Tango and MOVER", intervals.paired_coverage
)
TABLE: Mapping[str, Metric[Outcome]] = {
    "rmse": Metric(metrics.rmse, ROOT, "lower", (0.0, INFINITY)),
    "mae": Metric(metrics.mae, _means(lambda outcome: outcome.absolute), "lower", (0.0, INFINITY)),
    "r2": Metric(metrics.r2, EXPLAINED, "higher", (-INFINITY, 1.0)),
    "spearman": Metric(metrics.spearman, RANKS, "higher", (-1.0, 1.0)),
    "pinball": Metric(
        metrics.pinball, _means(lambda outcome: outcome.pinball, LEAST_SQUARES), "lower", (0.0, INFINITY)
    ),
    "coverage": Metric(metrics.coverage, COVERAGE),
    "interval_width": Metric(
        metrics.interval_width,
        _means(lambda outcome: outcome.width, paired=intervals.paired_width),
        "lower",
        (0.0, INFINITY),
    ),
}
assert all(METRICS[name] == metric.better for name, metric in TABLE.items())


def of_each(names: Sequence[str]) -> Mapping[str, Metric[Outcome]]:
    """`rmse of NUMBER`, in its unit; nothing of one number, whose metrics are those of all."""
    return {
        f"{name} of {number}": _of_number(TABLE[name], index)
        for name in PARTS
        for index, number in enumerate(names if len(names) > 1 else ())
    }


def _of_number(metric: Metric[Outcome], index: int) -> Metric[Outcome]:
    method = metric.method
    alone = replace(
        method,
        of_one=lambda outcome, plan: method.of_one(outcome.number(index), plan),
        of_two=lambda one, other, plan: method.of_two(one.number(index), other.number(index), plan),
    )
    return replace(metric, value=lambda outcome: metric.value(outcome.number(index)), method=alone)


class Judge:
    """See components.problems.base.Judge for what each member promises."""

    headline = ("rmse", "mae", "r2")
    kept = KEPT

    def __init__(self, task: TaskParams, description: Description) -> None:
        self._numbers = Numbers.of(description)
        self.metrics = {**TABLE, **of_each(self._numbers.names)}
        self._coverage = task.options(RegressionParams).coverage

    def outcome(self, targets: Targets, answers: npt.NDArray[Any], decisions: Decisions) -> Outcome:
        prediction, low, high = np.moveaxis(np.asarray(decisions, dtype=np.float64), 2, 0)
        given = np.asarray(targets, dtype=np.float64)
        return Outcome(given, prediction, low, high, self._numbers.unit, self._coverage)

    def constants(self, targets: Targets) -> Mapping[str, Sequence[float]]:
        """Mean and median of these targets, with their quantiles as the interval."""
        given = np.asarray(targets, dtype=np.float64)
        tails = (1 - self._coverage) / 2, (1 + self._coverage) / 2
        low, middle, high = np.quantile(given, [tails[0], 0.5, tails[1]], axis=0)
        mean = given.mean(axis=0)
        # A mean may lie beyond a quantile where few targets are very large.
        around = [*np.minimum(low, mean), *np.maximum(high, mean)]
        made = {"mean": [*mean, *around], "median": [*middle, *low, *high]}
        return {name: [float(value) for value in answer] for name, answer in made.items()}

    def columns(self, outcome: Outcome) -> Mapping[str, Column]:
        parts = {"prediction": outcome.prediction, "low": outcome.low, "high": outcome.high}
        return {
            name: values[:, number]
            for kind, values in parts.items()
            for number, name in enumerate(columns(kind, self._numbers.names))
        }

    def facts(self, outcome: Outcome) -> Mapping[str, object]:
        """Figures of each number in its unit; the nominal coverage."""
        numbers = self._numbers
        errors = outcome.prediction - outcome.targets
        unexplained = metrics.unexplained(outcome)
        return {
            "nominal_coverage": self._coverage,
            "numbers": [
                {
                    "name": name,
                    "unit": numbers.units[place],
                    "rmse": _known(np.sqrt((errors[:, place] ** 2).mean())),
                    "mae": _known(np.abs(errors[:, place]).mean()),
                    "bias": _known(errors[:, place].mean()),
                    "r2": _known(1 - unexplained[place]),
                    "coverage": _known(outcome.covered[:, place].mean()),
                }
                for place, name in enumerate(numbers.names)
            ],
        }

    def restored(self, columns_of: Mapping[str, npt.NDArray[Any]]) -> Outcome:
        names = self._numbers.names
        decisions = [
            np.stack([np.asarray(columns_of[name], np.float64) for name in columns(kind, names)], axis=1)
            for kind in ("prediction", "low", "high")
        ]
        targets = np.array([list(np.atleast_1d(row)) for row in columns_of["target"]], dtype=np.float64)
        return self.outcome(targets.reshape(-1, len(names)), decisions[0], np.stack(decisions, axis=2))

    def tables(self, outcome: Outcome) -> Mapping[str, tuple[Sequence[str], Rows]]:
        """residuals.csv: a row for each sample and number. intervals.csv: how many targets lie within intervals of
        another width, as a share of the one that is shipped; of several numbers, of that with the fewest."""
        names = self._numbers.names
        rows = [
            (names[number], float(outcome.targets[row, number]), float(outcome.prediction[row, number]))
            for row in range(len(outcome))
            for number in range(len(names))
        ]
        return {
            "residuals.csv": (("number", "target", "prediction"), rows),
            "intervals.csv": (("width", "covered"), _widths(outcome)),
        }


def _widths(outcome: Outcome) -> Rows:
    if not np.isfinite(outcome.low + outcome.high).all():
        return []
    middle = outcome.prediction
    rows = []
    for step in STEPS:
        low, high = middle - step * (middle - outcome.low), middle + step * (outcome.high - middle)
        rows.append((step, metrics.coverage(replace(outcome, low=low, high=high))))
    return rows


def _known(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None
