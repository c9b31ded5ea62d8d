"""How often the intervals of regression's metrics miss the true value, on each side: docs/gates.md shows the table.

`python -m benchmarks.regression`: minutes on one core. A rule passes wrongly where its bound lies beyond the true
value, so each side should miss in 2.5 % at a confidence of 0.95. Populations differ in the shape of the errors.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.workspace import publish
from components.evaluation.spread import Plan
from components.problems.regression.judge import TABLE
from components.problems.regression.judge.metrics import Outcome

Draw = np.random.Generator
Floats = npt.NDArray[np.float64]
SIZES = (10, 30, 100, 300, 650)
GROUPS, MEMBERS, ALIKE = (10, 30, 100), 5, 0.2
REPEATS, TRUTH, COVERAGE, CONFIDENCE = 1000, 1_000_000, 0.9, 0.95


def _mixed(draw: Draw, size: tuple[int, ...]) -> Floats:
    """One error in twenty is six times as large."""
    return draw.normal(size=size) * np.where(draw.random(size) < 0.05, 6.0, 1.0)


# Errors with mean 0.
ERRORS: Mapping[str, Callable[[Draw, tuple[int, ...]], Floats]] = {
    "normal": lambda draw, size: draw.normal(size=size),
    "skewed (exponential)": lambda draw, size: draw.exponential(size=size) - 1,
    "skewed (log-normal)": lambda draw, size: draw.lognormal(0, 0.8, size) - np.exp(0.32),
    "heavy tails (Laplace)": lambda draw, size: draw.laplace(size=size),
    "heavy tails (t, 5 degrees)": lambda draw, size: draw.standard_t(5, size),
    "rare large errors": _mixed,
}
HARD = "rare large errors"


@dataclass(frozen=True)
class Population:
    """Two models: the errors of the second are those of the first with as much of their own."""

    errors: str
    members: int = 1

    def sample(self, draw: Draw, units: int) -> tuple[Outcome, Outcome]:
        made, size = ERRORS[self.errors], (units, self.members)
        share = ALIKE if self.members > 1 else 0.0

        def errors() -> Floats:
            """Samples of a group have a part of the variance in common."""
            common = np.broadcast_to(made(draw, (units, 1)), size)
            mixed = np.sqrt(share) * common + np.sqrt(1 - share) * made(draw, size)
            return np.asarray(mixed.reshape(-1, 1))

        signal, first = draw.normal(size=(units * self.members, 1)), errors()
        second = 0.7 * first + 0.75 * errors()
        targets = signal - first
        return _outcome(targets, signal), _outcome(targets, signal + second - first)


def _outcome(targets: Floats, prediction: Floats) -> Outcome:
    widths = 1.5 + 0.3 * np.abs(prediction)  # they differ, as those of learned quantiles do
    return Outcome(targets, prediction, prediction - widths, prediction + widths, np.ones(1), COVERAGE)


def truths(population: Population, samples: int = TRUTH) -> dict[str, tuple[float, float]]:
    """Metric → its value, and its difference, on very many samples."""
    one, other = population.sample(np.random.default_rng(1), samples // population.members)
    values = {name: (metric.of(one), metric.of(other)) for name, metric in TABLE.items()}
    return {name: (first, first - second) for name, (first, second) in values.items()}


def measure(
    population: Population, units: int, true: Mapping[str, tuple[float, float]], repeats: int
) -> list[dict[str, object]]:
    """How often, in %, either end of each interval lies beyond the true value."""
    draw = np.random.default_rng([units, population.members, *population.errors.encode()])
    missed = {(name, kind): [0, 0] for name in TABLE for kind in (0, 1)}
    groups = np.repeat(np.arange(units), population.members) if population.members > 1 else None
    plan = Plan(CONFIDENCE, groups)
    for _ in range(repeats):
        one, other = population.sample(draw, units)
        for name, metric in TABLE.items():
            for kind, ends in enumerate(
                (metric.method.of_one(one, plan), metric.method.of_two(one, other, plan))
            ):
                missed[name, kind][0] += ends[0] > true[name][kind] + 1e-12
                missed[name, kind][1] += ends[1] < true[name][kind] - 1e-12
    return [
        {
            "metric": name,
            "of": ("one model", "a difference")[kind],
            "errors": population.errors,
            "units": units,
            "unit": "groups" if population.members > 1 else "samples",
            "above": round(100 * low / repeats, 2),
            "below": round(100 * high / repeats, 2),
        }
        for (name, kind), (low, high) in missed.items()
    ]


def run(name: str, repeats: int, samples: int) -> list[dict[str, object]]:
    """One shape of errors, with and without groups; `samples` are drawn for the true values."""
    rows = []
    for members, sizes in ((1, SIZES), (MEMBERS, GROUPS)):
        population = Population(name, members)
        true = truths(population, samples)
        for units in sizes:
            rows += measure(population, units, true, repeats)
    return rows


def table(rows: Sequence[Mapping[str, object]]) -> str:
    """The larger side's misses, the worst of the populations but for rare large errors, which stand beside."""
    keys = {(row["metric"], row["of"], row["unit"]): None for row in rows}
    lines = []
    for metric, of, unit in keys:
        sizes = SIZES if unit == "samples" else GROUPS
        cells = []
        for units in sizes:
            here = [
                r for r in rows if (r["metric"], r["of"], r["unit"], r["units"]) == (metric, of, unit, units)
            ]
            worst = {
                odd: max(_missed(r) for r in here if (r["errors"] == HARD) is odd) for odd in (False, True)
            }
            cells.append(f"{worst[False]:.1f} ({worst[True]:.1f})")
        lines.append(f"| {metric} | {of} | {unit} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _missed(row: Mapping[str, object]) -> float:
    return max(float(str(row["above"])), float(str(row["below"])))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=REPEATS)
    parser.add_argument("--truth", type=int, default=TRUTH, help="samples that true values are taken from")
    options = parser.parse_args()
    rows: list[dict[str, object]] = []
    for name in ERRORS:
        rows += run(name, options.repeats, options.truth)
        publish("regression", {"repeats": options.repeats, "rows": rows})
    print(table(rows))


if __name__ == "__main__":
    main()
