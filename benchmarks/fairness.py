"""How often rules of `gate.fairness` pass wrongly, and rightly, by the sizes of the groups.

The error is how often a rule passes where two groups truly differ by exactly its bound (or the worst group lies exactly
on it): the largest over several rates. Two groups' shares are enumerated, all else is drawn, with seeds.
"""

import argparse
from collections.abc import Callable, Iterator, Mapping
from itertools import combinations_with_replacement

import numpy as np
import numpy.typing as npt
from scipy import stats

from benchmarks.workspace import publish
from components.evaluation.binomial import clopper_pearson
from components.evaluation.fairness import fair
from components.evaluation.intervals import Interval, intervals
from components.evaluation.spread import Plan
from components.params.fairness import FairnessParams
from components.problems.classification.judge import TABLE
from components.problems.classification.judge.metrics import Outcome
from components.problems.regression.judge import TABLE as NUMBERS
from components.problems.regression.judge.metrics import Outcome as Numbers

Floats = npt.NDArray[np.float64]
Shares = tuple[Floats, Floats, Floats]
Draw = np.random.Generator
Pair = tuple[float, float]
Drawn = Callable[[tuple[int, ...], tuple[float, ...]], Callable[[Draw], list[object]]]
CALIBRATED: Mapping[str, object] = {"metric": "ece", "calibration_gap_at_most": 0.15}
PLAN = Plan(confidence=0.95)
SIZES = (10, 30, 100, 300, 1000)
RATES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.97, 0.98, 0.99, 1.0)
BOUNDS = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3)
REPEATS = 1000
CLUSTER, CORRELATION = 5, 0.2  # samples that belong together, and how alike they are
# Sizes of several groups: alike, and very unequal.
SEVERAL = {"5 of 100": (100,) * 5, "10 to 1,000": (10, 30, 100, 300, 1000), "10 of 300": (300,) * 10}


def enumerated(count: int) -> Shares:
    """Share, low and high for every number of right decisions, 0 to `count`."""
    right = np.arange(count + 1)
    return right / count, *clopper_pearson(right, count, PLAN.tail)


def upper_bounds(one: Shares, other: Shares) -> Floats:
    """(N, M) upper bounds of the gap, as `components.evaluation.fairness` has them."""
    share, low, high = (values[:, None] for values in one)
    second, below, above = (values[None] for values in other)
    apart = share - second
    ours, theirs = np.hypot(high - share, second - below), np.hypot(share - low, above - second)
    return np.asarray(np.maximum(apart + ours, theirs - apart))


def wilson(count: int) -> Shares:
    """Of Newcombe's method 10, for comparison."""
    z = stats.norm.isf(PLAN.tail)
    share = np.arange(count + 1) / count
    middle = (share * count + z * z / 2) / (count + z * z)
    half = z / (count + z * z) * np.sqrt(share * (1 - share) * count + z * z / 4)
    return share, middle - half, middle + half


def shares(one: int, other: int) -> dict[str, object]:
    """Worst error over all rates and bounds; power: both rates 0.95, bound 0.15."""
    found = {}
    for name, of in (("error", enumerated), ("wilson", wilson)):
        upper = upper_bounds(of(one), of(other))
        found[name] = max(_passed(upper, a, b, bound) for a, b, bound in _on_the_bound())
    power = _passed(upper_bounds(enumerated(one), enumerated(other)), 0.95, 0.95, 0.15)
    return {"rule": "gap of a share", "groups": f"{one}, {other}", **found, "power": power}


def _on_the_bound() -> list[tuple[float, float, float]]:
    pairs = [(rate, rate - bound, bound) for rate in RATES for bound in BOUNDS if rate > bound]
    return [pair for a, b, bound in pairs for pair in ((a, b, bound), (b, a, bound))]


def _passed(upper: Floats, a: float, b: float, bound: float) -> float:
    first, second = (
        stats.binom.pmf(np.arange(size), size - 1, p) for size, p in zip(upper.shape, (a, b), strict=True)
    )
    return round(100 * float(first @ (upper <= bound + 1e-12) @ second), 2)


def drawn(
    asked: Mapping[str, object],
    groups: Callable[[Draw], list[object]],
    table: Mapping[str, object],
    repeats: int,
) -> tuple[float, float]:
    """How often the rule passes, and fails, in %."""
    params = FairnessParams.model_validate({"columns": ["g"], **asked})
    names = [params.metric, *(n for n, m in table.items() if getattr(m, "measures", ""))]
    metrics = {name: table[name] for name in dict.fromkeys(names)}
    draw, counts = np.random.default_rng(0), {"pass": 0, "fail": 0, "inconclusive": 0}
    for _ in range(repeats):
        measured = [_measured(outcome, metrics) for outcome in groups(draw)]
        slices = {
            f"g={n}": {"fp32": {k: v.as_json() for k, v in found.items()}} for n, found in enumerate(measured)
        }
        known = {name: metric.as_json() for name, metric in metrics.items()}  # type: ignore[attr-defined]
        (rule,) = fair(params, "fp32", {"metrics": known, "slices": slices, "confidence": 0.95})
        counts[rule.outcome] += 1
    return tuple(round(100 * counts[name] / repeats, 2) for name in ("pass", "fail"))  # type: ignore[return-value]


def _measured(sample: object, metrics: Mapping[str, object]) -> Mapping[str, Interval]:
    """Of an outcome, or of one with the cluster of each of its samples."""
    outcome, clusters = sample if isinstance(sample, tuple) else (sample, None)
    return intervals(outcome, Plan(PLAN.confidence, clusters), metrics)  # type: ignore[arg-type]


def clustered(sizes: tuple[int, ...], rates: tuple[float, ...]) -> Callable[[Draw], list[object]]:
    """Groups of so many clusters of five, whose shares that are right vary (beta, correlation CORRELATION within)."""

    def groups(draw: Draw) -> list[object]:
        made: list[object] = []
        for count, rate in zip(sizes, rates, strict=True):
            scale = 1 / CORRELATION - 1
            own = np.repeat(draw.beta(rate * scale, (1 - rate) * scale, count), CLUSTER)
            targets = (draw.random(len(own)) < 0.5).astype(np.int64)
            said = np.where(draw.random(len(own)) < own, targets, 1 - targets)
            clusters = np.repeat(np.arange(count), CLUSTER)
            made.append((Outcome(targets, np.eye(2)[said] * 0.8 + 0.1, said), clusters))
        return made

    return groups


def decided(sizes: tuple[int, ...], rates: tuple[float, ...]) -> Callable[[Draw], list[object]]:
    """Groups of two classes, half each, of which such shares are decided right."""

    def groups(draw: Draw) -> list[object]:
        made: list[object] = []
        for size, rate in zip(sizes, rates, strict=True):
            targets = (draw.random(size) < 0.5).astype(np.int64)
            said = np.where(draw.random(size) < rate, targets, 1 - targets)
            made.append(Outcome(targets, np.eye(2)[said] * 0.8 + 0.1, said))
        return made

    return groups


def confident(sizes: tuple[int, ...], gaps: tuple[float, ...]) -> Callable[[Draw], list[object]]:
    """Groups whose confidences, uniform from 0.6 to 0.9, exceed the share that is right by such gaps."""

    def groups(draw: Draw) -> list[object]:
        made: list[object] = []
        for size, gap in zip(sizes, gaps, strict=True):
            confidence = draw.uniform(0.6, 0.9, size)
            targets = (draw.random(size) < confidence - gap).astype(np.int64)
            made.append(
                Outcome(targets, np.stack([1 - confidence, confidence], axis=1), np.ones(size, np.int64))
            )
        return made

    return groups


def numbers(sizes: tuple[int, ...], errors: tuple[float, ...]) -> Callable[[Draw], list[object]]:
    """Groups whose errors are normal with such standard deviations."""

    def groups(draw: Draw) -> list[object]:
        made: list[object] = []
        for size, error in zip(sizes, errors, strict=True):
            targets, none = draw.standard_normal((size, 1)), np.full((size, 1), np.nan)
            made.append(
                Numbers(
                    targets, targets + error * draw.standard_normal((size, 1)), none, none, np.ones(1), 0.9
                )
            )
        return made

    return groups


# Rule, what it asks, how groups are drawn, and their rates: on the bound, and alike.
TWO: tuple[tuple[str, Mapping[str, object], Drawn, Mapping[str, object], Pair, Pair], ...] = (
    (
        "balanced accuracy",
        {"metric": "balanced_accuracy", "gap_at_most": 0.2},
        decided,
        TABLE,
        (0.9, 0.7),
        (0.95, 0.95),
    ),
    ("calibration error", CALIBRATED, confident, TABLE, (0.2, 0.05), (0.0, 0.0)),
    ("calibration error, one calibrated", CALIBRATED, confident, TABLE, (0.15, 0.0), (0.0, 0.0)),
    ("RMSE", {"metric": "rmse", "gap_at_most": 0.5}, numbers, NUMBERS, (1.5, 1.0), (1.0, 1.0)),
)


def rows(repeats: int) -> list[dict[str, object]]:
    """What is drawn: two groups by other metrics, several groups, and two of clusters."""
    return [*_of_two(repeats), *_of_several(repeats), *_in_clusters(repeats)]


def _in_clusters(repeats: int) -> Iterator[dict[str, object]]:
    for sizes in ((10, 10), (10, 100), (30, 30), (30, 100), (100, 100)):
        for metric in ("accuracy", "balanced_accuracy"):
            asked = {"metric": metric, "gap_at_most": 0.15}
            pairs = [(rate, rate - 0.15) for rate in (0.98, 0.95, 0.9, 0.8)]
            tries = [
                drawn(asked, clustered(s, pair), TABLE, repeats)[0]
                for s in {sizes, sizes[::-1]}
                for pair in pairs
            ]
            power = drawn(asked, clustered(sizes, (0.95, 0.95)), TABLE, repeats)[0]
            names = ", ".join(map(str, sizes))
            yield {
                "rule": f"gap of {metric}, clusters of {CLUSTER}",
                "groups": names,
                "error": max(tries),
                "power": power,
            }


def _of_two(repeats: int) -> Iterator[dict[str, object]]:
    for sizes in ((30, 30), (30, 300), (100, 100), (100, 1000), (300, 300)):
        for rule, asked, draw, table, bad, good in TWO:
            errors = [drawn(asked, draw(s, bad), table, repeats)[0] for s in {sizes, sizes[::-1]}]
            power = drawn(asked, draw(sizes, good), table, repeats)[0]
            groups = ", ".join(map(str, sizes))
            yield {"rule": f"gap of {rule}", "groups": groups, "error": max(errors), "power": power}


def _of_several(repeats: int) -> Iterator[dict[str, object]]:
    for name, sizes in SEVERAL.items():
        count = len(sizes)
        one = (0.8, *(0.95,) * (count - 1))
        for rule, bound, rates in (
            ("worst accuracy at least 0.8", {"worst_at_least": 0.8}, one),
            ("worst accuracy at least 0.8, all on it", {"worst_at_least": 0.8}, (0.8,) * count),
            ("gap of accuracy at most 0.15", {"gap_at_most": 0.15}, one),
        ):
            asked = {"metric": "accuracy", **bound}
            tries = [drawn(asked, decided(s, rates), TABLE, repeats) for s in {sizes, sizes[::-1]}]
            error, fails = (max(each[n] for each in tries) for n in (0, 1))
            power = drawn(asked, decided(sizes, (0.95,) * count), TABLE, repeats)[0]
            yield {"rule": rule, "groups": name, "error": error, "fails": fails, "power": power}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=REPEATS, help="draws of each population")
    repeats = parser.parse_args().repeats
    exact = [shares(*sizes) for sizes in combinations_with_replacement(SIZES, 2)]
    publish("fairness", {"repeats": repeats, "enumerated": exact, "drawn": rows(repeats)})


if __name__ == "__main__":
    main()
