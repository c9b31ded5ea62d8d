"""How often either end of an interval of regression's metrics misses the true value, and how often a rule passes.

A rule passes wrongly where its bound lies beyond the true value. The error is that of the worse end: as if rules asked
for either. The power is how often the rule passes where the model is better than its bound by what the row says. All is
drawn, with seeds; populations differ in the shape of the errors. Minutes on one core.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial

import numpy as np

from benchmarks.ends import KINDS, Cell, Draws, Key, cell, run
from benchmarks.errors import ERRORS, Population
from components.evaluation.intervals import Interval, intervals, paired
from components.evaluation.spread import Plan
from components.problems.regression.judge import TABLE

SIZES = (10, 30, 100, 300, 650)
GROUPS, MEMBERS = (10, 30, 100), (5, 30)
# Members of a group, how many of these, and numbers of a sample.
UNITS = (
    (1, SIZES, 1),
    *((members, GROUPS, 1) for members in MEMBERS),
    (1, (30, 100, 300), 2),
    (5, (30, 100), 2),
)
TRUTH, CONFIDENCE = 2_000_000, 0.95
IN_GROUPS = ("normal", "skewed (log-normal)", "rare large errors")
POWER = "normal"  # the errors that power is measured with
# By how much the model is better than its bound: a share of a loss, or a difference.
SHARE, OFF = {"one model": 0.2, "a difference": 0.1}, {"one model": 0.1, "a difference": 0.05}


@cache
def truth(population: Population, metric: str, samples: int = TRUTH) -> tuple[float, float]:
    """A metric's value, and its difference, on very many samples."""
    one, other = (
        TABLE[metric].of(each) for each in population.alone.sample(np.random.default_rng(1), samples)
    )
    return one, one - other


@dataclass(frozen=True)
class Asked:
    """A metric of one model, or a difference of two, in so many units of a population."""

    metric: str
    kind: str
    population: Population
    units: int

    def interval(self, number: int) -> Interval:
        """Of the draw of this number, which is the same for all metrics."""
        seed = [number, self.units, self.population.members, *self.population.errors.encode()]
        one, other = self.population.sample(np.random.default_rng(seed), self.units)
        plan = Plan(CONFIDENCE, self.population.groups(self.units))
        asked = {self.metric: TABLE[self.metric]}
        found = intervals(one, plan, asked) if self.kind == KINDS[0] else paired(one, other, plan, asked)
        return found[self.metric]

    def draws(self, samples: int = TRUTH) -> Draws:
        """Args:
        samples: that the true value is taken from.
        """
        return Draws(self.interval, truth(self.population, self.metric, samples)[KINDS.index(self.kind)])


def asked(metric: str, kind: str, members: int, units: int, numbers: int = 1) -> dict[str, Asked]:
    """Of each population; with groups of some."""
    names = ERRORS if members == 1 else IN_GROUPS
    made = {name: Population(name, members, numbers=numbers) for name in names}
    return {name: Asked(metric, kind, population, units) for name, population in made.items()}


def measure(metric: str, kind: str, members: int, units: int, numbers: int, repeats: int) -> Cell:
    """Error and power of a rule, in %; 0 where so few samples are inconclusive."""
    lower = TABLE[metric].better == "lower"
    said = f"{SHARE[kind]:.0%} of its value" if lower else f"{OFF[kind]:g}"
    rule, unit, n = place(metric, kind, members, units, numbers)
    facts: Cell = {"rule": rule, "n": n, "unit": unit, "of": f"better by {said}"}
    here = asked(metric, kind, members, units, numbers)
    if here[POWER].interval(0).low is None:
        return {**facts, "error": 0.0, "worst": "inconclusive", "power": 0.0, "exact": None, "errors": {}}
    draws = {name: each.draws() for name, each in here.items()}
    return cell(facts, draws, passed(here[POWER], draws[POWER], repeats), repeats)


def passed(of: Asked, draws: Draws, repeats: int, samples: int = TRUTH) -> float:
    """How often a rule passes where the model is better than its bound, in %."""
    lower = TABLE[of.metric].better == "lower"
    value = truth(of.population, of.metric, samples)[0] if lower else 0.0
    return draws.passed(SHARE[of.kind] * value if lower else OFF[of.kind], lower, repeats)


def everything() -> Iterator[tuple[str, str, int, int, int]]:
    """Metric, kind, members of a group, how many of these, and numbers of a sample, in the order of the tables."""
    for members, sizes, numbers in UNITS:
        for metric in TABLE:
            for kind in KINDS:
                yield from ((metric, kind, members, units, numbers) for units in sizes)


def place(metric: str, kind: str, members: int, units: int, numbers: int = 1) -> Key:
    """Of a cell among the results."""
    unit = "samples" if members == 1 else f"groups of {members}"
    return f"{metric}, {kind}", unit if numbers == 1 else f"{unit}, two numbers", units


def cells() -> list[tuple[Key, Callable[[int], Cell]]]:
    return [(place(*each), partial(measure, *each)) for each in everything()]


def main() -> None:
    assert __doc__ is not None
    run("regression", __doc__, cells())


if __name__ == "__main__":
    main()
