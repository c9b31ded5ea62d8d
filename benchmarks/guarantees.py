"""How often rules of the gate and the promotion pass wrongly, and rightly: error and power of every kind of rule.

The error is how often a rule passes where the true value lies exactly on its bound (a candidate is worse by exactly the
margin): the largest of several populations. The power is how often it passes where the model is better than that by
what the row says. Accuracy and its difference are enumerated, all else is drawn, with seeds. Minutes on one core.
"""

import argparse
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial

import numpy as np

from benchmarks import against_controls, several_classes
from benchmarks.enumerated import PLAN, accuracy, difference
from benchmarks.guarantee_tables import PAGE, published, written
from benchmarks.rules import SIZES, Case, Row, alone
from benchmarks.rules_in_groups import grouped
from benchmarks.rulings import rulings
from benchmarks.workspace import keep
from components.evaluation.intervals import Interval, intervals, paired
from components.evaluation.spread import Plan
from components.problems.classification.judge import TABLE
from components.problems.classification.judge import recalls as recall_metrics
from components.problems.classification.judge.metrics import Outcome

REPEATS = 300
MANY = 100  # groups, of which only the worst populations are drawn
NEAR = ((2.5, 4), (3.5, 14))  # %: an error above is drawn so many times as often
RECALL = "recall"
Cell = dict[str, object]
Key = tuple[str, str, int]  # rule, unit, how many of it


def rows() -> list[Row]:
    """All kinds of rules that are drawn."""
    return [*alone(), *several_classes.alone(), *against_controls.alone(), *rulings(), *_in_groups()]


def _in_groups() -> list[Row]:
    return [*grouped(), *several_classes.grouped(), *against_controls.grouped()]


class Draws:
    """Samples of a population, of which more can be drawn: the first are the same each time."""

    def __init__(self, row: Row, case: Case, size: int) -> None:
        self.row, self.case, self.size = row, case, size
        self.draw = np.random.default_rng([size, *case.name.encode()])
        self.count = self.passed = 0

    def rate(self, count: int) -> float:
        """How often the rule passes in so many draws, in %."""
        for _ in range(count - self.count):
            self.passed += _passes(self.row, self.case.sample(self.draw, self.size), self.case.bound)
        self.count = max(count, self.count)
        return round(100 * self.passed / self.count, 2)


def measure(row: Row, size: int, repeats: int = REPEATS, only: Collection[str] = ()) -> Cell:
    """Error and power of a rule with so many samples, in %; of some populations only, where these are named."""
    drawn = [Draws(row, case, size) for case in row.errors if not only or case.name in only]
    rates = {draws.case.name: draws.rate(repeats) for draws in drawn}
    for above, more in NEAR:
        near = [draws for draws in drawn if rates[draws.case.name] > above]
        rates |= {draws.case.name: draws.rate(more * repeats) for draws in near}
    worst = max(rates, key=lambda name: rates[name])
    facts = {"rule": row.rule, "n": size, "unit": "groups" if row.groups else "samples"}
    of = {"power": passed(row, row.power, size, repeats), "of": row.power.name, "exact": None}
    return {**facts, "error": rates[worst], "worst": worst, **of}


def passed(row: Row, case: Case, size: int, repeats: int) -> float:
    """How often the rule passes, in %."""
    return Draws(row, case, size).rate(repeats)


def _passes(row: Row, sample: object, bound: float) -> bool:
    if row.judge is not None:
        return row.judge(sample)
    found = interval(sample, row.metric)
    end = found.high if row.at_most else found.low
    return end is not None and (end <= bound if row.at_most else end >= bound + 1e-12)


def interval(sample: object, metric: str) -> Interval:
    parts = sample if isinstance(sample, tuple) else (sample,)
    one, *other = [part for part in parts if isinstance(part, Outcome)]
    groups = next((part for part in parts if isinstance(part, np.ndarray)), None)
    plan = Plan(PLAN.confidence, groups)
    known = {**TABLE, **recall_metrics(("negative", "positive"))}
    name = f"{RECALL} of positive" if metric == RECALL else metric
    asked = {name: known[name]}
    return (paired(one, other[0], plan, asked) if other else intervals(one, plan, asked))[name]


def enumerable() -> Mapping[Key, Callable[[], Cell]]:
    found: dict[Key, Callable[[], Cell]] = {}
    for size in SIZES:
        found["accuracy at least", "samples", size] = partial(accuracy, size)
        found["accuracy better than a control", "samples", size] = partial(difference, size, 0.0)
        for margin in (0.05, 0.1):
            rule = f"accuracy better than a control by more than {margin:g}"
            found[rule, "samples", size] = partial(difference, size, margin, (0.25, 0.05))
        for margin in (0.05, 0.02):
            found[f"accuracy loses at most {margin:g}", "samples", size] = partial(difference, size, -margin)
    return found


def everything(known: Mapping[Key, Cell], repeats: int) -> Iterator[list[Cell]]:
    """All cells in the order of the tables, after each that was measured; those that are known are not."""
    made = dict(known)
    todo = dict(enumerable())
    for row in rows():
        unit = "groups" if row.groups else "samples"
        for size in row.sizes:
            todo[row.rule, unit, size] = partial(_drawn, row, size, repeats, made)
    missing = [key for key in todo if key not in made]
    for key in sorted(missing, key=lambda key: key[1] == "groups" and key[2] >= MANY):
        made[key] = todo[key]()
        print(made[key], flush=True)
        yield [made[key] for key in todo if key in made]


def _drawn(row: Row, size: int, repeats: int, made: Mapping[Key, Cell]) -> Cell:
    """With MANY groups, of those populations only that were the worst with fewer."""
    if not row.groups or size < MANY:
        return measure(row, size, repeats, ())
    return measure(
        row, size, repeats, {str(made[row.rule, "groups", n]["worst"]) for n in row.sizes if n < MANY}
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=REPEATS, help="samples drawn for each population")
    parser.add_argument("--missing", action="store_true", help="measure only what the results do not have")
    parser.add_argument("--tables", action="store_true", help="measure nothing, write docs/gates.md")
    asked = parser.parse_args()
    if not asked.tables:
        near = {f"above {above} %": more * asked.repeats for above, more in NEAR}
        known = {(m["rule"], m["unit"], m["n"]): dict(m) for m in published()} if asked.missing else {}
        for cells in everything(known, asked.repeats):
            keep("guarantees", {"repeats": asked.repeats, "repeats_of_errors": near, "rules": cells})
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), published()), encoding="utf-8")


if __name__ == "__main__":
    main()
