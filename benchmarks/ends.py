"""How often ends of drawn intervals miss the true value, and how often a rule passes: more draws near a limit."""

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from benchmarks.guarantee_tables import PAGE, published, written
from benchmarks.workspace import keep
from components.evaluation.intervals import Interval

REPEATS = 400
NEAR = ((2.5, 1600), (3.5, 4200))  # %: an error above is drawn so many times
KINDS = ("one model", "a difference")
Cell = dict[str, object]
Key = tuple[str, str, int]  # rule, unit, how many of it


class Draws:
    """Intervals of samples of a population, of which more can be drawn.

    Args:
        interval: of the draw of this number.
        true: value of the metric.
    """

    def __init__(self, interval: Callable[[int], Interval], true: float) -> None:
        self.interval, self.true = interval, true
        self.ends: list[tuple[float, float]] = []

    def rates(self, count: int) -> tuple[float, float]:
        """How often the interval lies above the true value, and below it, in %."""
        low, high = self._drawn(count)
        missed = low > self.true + 1e-12, high < self.true - 1e-12
        return float(100 * missed[0].mean()), float(100 * missed[1].mean())

    def errors(self, repeats: int) -> tuple[float, float, int]:
        """The rates, and of how many draws: more where an end is near its limit."""
        found = self.rates(repeats)
        for above, more in NEAR:
            if max(found) > above and more > repeats:
                found = self.rates(more)
        return round(found[0], 2), round(found[1], 2), len(self.ends)

    def passed(self, better: float, at_most: bool, count: int) -> float:
        """How often a rule passes, in %, whose bound is worse than the true value by `better`."""
        low, high = self._drawn(count)
        passes = high <= self.true + better if at_most else low >= self.true - better
        return round(float(100 * passes.mean()), 2)

    def _drawn(self, count: int) -> np.ndarray:
        """(2, count); an interval that says nothing reaches everywhere."""
        for number in range(len(self.ends), count):
            found = self.interval(number)
            low = -np.inf if found.low is None else found.low
            self.ends.append((low, np.inf if found.high is None else found.high))
        return np.array(self.ends[:count]).T


def cell(facts: Cell, draws: Mapping[str, Draws], power: float, repeats: int) -> Cell:
    """The error of the worst population and what each gave: % above, % below, draws."""
    errors = {name: each.errors(repeats) for name, each in draws.items()}
    worst = max(errors, key=lambda name: max(errors[name][:2]))
    error = max(errors[worst][:2])
    return {**facts, "error": error, "worst": worst, "power": power, "exact": None, "errors": errors}


def run(name: str, described: str, cells: Sequence[tuple[Key, Callable[[int], Cell]]]) -> None:
    """Measure cells as the command line asks, each kept at once, and write the tables.

    Args:
        name: of the benchmark and its results.
        cells: keys in the order of the tables, each with what measures it in so many draws.
    """
    parser = argparse.ArgumentParser(description=described)
    parser.add_argument("--repeats", type=int, default=REPEATS, help="samples drawn for each population")
    parser.add_argument("--missing", action="store_true", help="measure only what the results do not have")
    parser.add_argument("--tables", action="store_true", help="measure nothing, write docs/gates.md")
    asked = parser.parse_args()
    if not asked.tables:
        known = {key(m): dict(m) for m in published(name)} if asked.missing else {}
        near = {f"above {above} %": more for above, more in NEAR}
        for found in _measured(cells, known, asked.repeats):
            keep(name, {"repeats": asked.repeats, "repeats_of_errors": near, "rules": found})
    page = PAGE.read_text(encoding="utf-8")
    if f"<!-- {name}: " in page:  # not of every benchmark is there a table
        PAGE.write_text(written(page, published(name), name), encoding="utf-8")


def _measured(
    cells: Sequence[tuple[Key, Callable[[int], Cell]]], known: dict[Key, Cell], repeats: int
) -> Iterator[list[Cell]]:
    for at, measure in cells:
        if at not in known:
            known[at] = measure(repeats)
            print(known[at], flush=True)
            yield [known[each] for each, _ in cells if each in known]


def key(measured: Mapping[str, object]) -> Key:
    return str(measured["rule"]), str(measured["unit"]), int(str(measured["n"]))
