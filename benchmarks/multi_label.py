"""How often the intervals of multi-label metrics miss the true value on the worse side, and how often a rule passes.

Drawn from populations whose metrics are known. The power is how often the rule passes where the model is better than
its bound by what the row says. Minutes on one core.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmarks.ends import KINDS, Cell, Draws, Key, cell, run
from benchmarks.labelled import ALONE, GROUPED, GROUPED_PAIRS, PAIRS, Population
from components.evaluation.intervals import Interval, intervals, paired
from components.evaluation.spread import Plan
from components.problems.multi_label.judge import TABLE

CONFIDENCE = 0.95
SIZES, GROUPS = (10, 30, 100, 300, 1000), (10, 20, 50)
POPULATIONS = {
    ("one model", "samples"): ALONE,
    ("one model", "groups"): GROUPED,
    ("a difference", "samples"): PAIRS,
    ("a difference", "groups"): GROUPED_PAIRS,
}
OFF = {"one model": 0.1, "a difference": 0.05}  # by how much the model is better than its bound
LOSS = 0.5  # of that where the metric is a loss, which is small


@dataclass(frozen=True)
class Asked:
    """A metric of one model, or a difference of two, in so many units of a population."""

    metric: str
    kind: str
    unit: str
    population: Population
    size: int

    def interval(self, number: int) -> Interval:
        """Of the draw of this number, which is the same for all metrics."""
        draw = np.random.default_rng([number, self.size, *repr(self.population).encode()])
        grouped = self.unit == "groups"
        units = self.population.units(draw, self.size) if grouped else np.arange(self.size, dtype=np.float64)
        plan = Plan(CONFIDENCE, units if grouped else None)
        asked = {self.metric: TABLE[self.metric]}
        if self.kind == KINDS[0]:
            return intervals(self.population.one(draw, units), plan, asked)[self.metric]
        return paired(*self.population.two(draw, units), plan, asked)[self.metric]

    def draws(self) -> Draws:
        true = self.population.truth() if self.kind == KINDS[0] else self.population.difference()
        return Draws(self.interval, true[self.metric])


def measure(metric: str, kind: str, unit: str, size: int, repeats: int) -> Cell:
    """Error and power of a rule, in %; samples that are too few say nothing, so that no rule passes."""
    lower = TABLE[metric].better == "lower"
    better = OFF[kind] * (LOSS if lower else 1.0)
    facts: Cell = {"rule": f"{metric}, {kind}", "n": size, "unit": unit, "of": f"better by {better:g}"}
    draws = {
        name: Asked(metric, kind, unit, population, size).draws()
        for name, population in POPULATIONS[kind, unit].items()
        if known(metric, kind, population)
    }
    power = next(iter(draws.values())).passed(better, lower, repeats)
    return cell(facts, draws, power, repeats)


def known(metric: str, kind: str, population: Population) -> bool:
    """Whether its true value is."""
    return metric in (population.truth() if kind == KINDS[0] else population.difference())


def everything() -> Iterator[tuple[str, str, str, int]]:
    """Metric, kind, unit and how many of it, in the order of the tables. Subset accuracy of one model is accuracy."""
    for unit, sizes in (("samples", SIZES), ("groups", GROUPS)):
        for metric in TABLE:
            for kind in KINDS:
                if (metric, kind) != ("subset_accuracy", KINDS[0]):
                    yield from ((metric, kind, unit, size) for size in sizes)


def _key(metric: str, kind: str, unit: str, size: int) -> Key:
    return f"{metric}, {kind}", unit, size


def cells() -> list[tuple[Key, Callable[[int], Cell]]]:
    return [(_key(*each), partial(measure, *each)) for each in everything()]


def main() -> None:
    assert __doc__ is not None
    run("multi_label", __doc__, cells())


if __name__ == "__main__":
    main()
