"""How often rules of the gate and the promotion pass wrongly, and rightly: error and power of every kind of rule.

The error is how often a rule passes where the true value lies exactly on its bound (a candidate is worse by exactly the
margin): the largest of several populations. The power is how often it passes where the model is better than that by
what the row says. Accuracy and its difference are enumerated, all else is drawn, with seeds. Minutes on one core.
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy import stats

from benchmarks.populations import (
    Confidences,
    Draw,
    confused,
    discordant,
    grouped,
    two_models,
    with_area,
)
from benchmarks.workspace import publish
from components.evaluation.binomial import clopper_pearson, tango
from components.evaluation.intervals import Interval, intervals, paired
from components.evaluation.metrics import Outcome
from components.evaluation.spread import Plan

SIZES = (10, 30, 100, 300, 650, 2000)
GROUPS = (10, 20, 50, 100)
REPEATS = 2000
PLAN = Plan(confidence=0.95)
Sample = Callable[[Draw, int], object]  # an outcome, two outcomes, or an outcome with groups


@dataclass(frozen=True)
class Case:
    """A population, and the bound that a rule on it has."""

    sample: Sample
    bound: float
    name: str


@dataclass(frozen=True)
class Row:
    """A rule: where it should not pass (`errors`) and where it should (`power`).

    Attributes:
        at_most: the bound is an upper one.
        sizes: numbers of samples, or of groups.
    """

    rule: str
    metric: str
    errors: tuple[Case, ...]
    power: Case
    at_most: bool = False
    sizes: tuple[int, ...] = SIZES


def _scored(metric: str) -> Row:
    """AUROC or average precision of one model: even, rare, uneven, and with samples that no score explains."""
    populations = {
        "prevalence 0.3": with_area(0.88),
        "prevalence 0.1": with_area(0.95, prevalence=0.1),
        "unequal variances": with_area(0.95, width=2.5),
        "2 % of positives lost": with_area(0.97, lost=0.02),
        "2 % of negatives first": with_area(0.97, first=0.02),
    }
    errors = tuple(Case(p.draw, getattr(p, metric), name) for name, p in populations.items())
    at, better = (with_area(area) for area in (0.88, 0.92))
    return Row(f"{metric} at least", metric, errors, Case(better.draw, getattr(at, metric), "0.92 for 0.88"))


def _scored_pairs(metric: str) -> Row:
    """A candidate that is worse by the margin, agrees much or little, or loses some positives only."""
    champion = with_area(0.92)
    margin = {"auroc": 0.02, "average_precision": 0.03}[metric]
    worse = {"correlation 0.9": (with_area(0.90), 0.9), "correlation 0.3": (with_area(0.90), 0.3)}
    worse["2 % of positives lost"] = (with_area(0.92 * 0.98, lost=0.02), 0.99)
    errors = tuple(
        Case(two_models(c, champion, agree), getattr(c, metric) - getattr(champion, metric), name)
        for name, (c, agree) in worse.items()
    )
    equal = Case(two_models(champion, champion, 0.9), -margin, f"equal, margin {margin:g}")
    return Row(f"{metric} loses at most", metric, errors, equal)


def _decided() -> Iterator[Row]:
    """Rules on decisions: balanced accuracy, F1, and their differences."""
    two = {"0.9 and 0.9": (0.9, 0.9), "0.99 and 0.7": (0.99, 0.7), "0.995 and 0.995": (0.995, 0.995)}
    tables = {
        name: np.array([[0.7 * a, 0.7 * (1 - a)], [0.3 * (1 - b), 0.3 * b]]) for name, (a, b) in two.items()
    }
    three = np.array([[0.48, 0.06, 0.06], [0.02, 0.26, 0.02], [0.01, 0.01, 0.08]])
    better = np.array([[0.67, 0.03], [0.015, 0.285]])
    bad = tables["0.9 and 0.9"]
    for metric in ("balanced_accuracy", "f1"):
        errors = [Case(confused(table), _true(metric, table), name) for name, table in tables.items()]
        errors.append(Case(confused(three), _true(metric, three), "three classes"))
        power = Case(confused(better), _true(metric, bad), "recalls 0.95 for 0.9")
        yield Row(f"{metric} at least", metric, tuple(errors), power)
        shares = ((0.0, 0.05), (0.025, 0.075), (0.1, 0.15))
        # Errors in either class alike: recalls differ by what accuracy does; F1 by its own derivative, so at 0 only.
        if metric == "balanced_accuracy":
            worse = [Case(discordant(g, lost), g - lost, f"{g + lost:.0%} discordant") for g, lost in shares]
            equal = Case(discordant(0.025, 0.025), -0.05, "equal, margin 0.05, 5 % discordant")
            yield Row(f"{metric} loses at most 0.05", metric, tuple(worse), equal)
        same = [Case(discordant(g, g), 0.0, f"{2 * g:.0%} discordant") for g in (0.025, 0.1)]
        gain = Case(discordant(0.15, 0.05, 0.75), 0.0, "10 points better, 20 % discordant")
        yield Row(f"{metric} better than a control", metric, tuple(same), gain)


def _calibrated() -> Iterator[Row]:
    cases = {
        "gap 0.05": Confidences(0.05),
        "gap 0.1": Confidences(0.1),
        "±0.08": Confidences(0.08, in_turn=True),
    }
    errors = tuple(Case(p.draw, p.error, name) for name, p in cases.items())
    yield Row(
        "ece at most",
        "ece",
        errors,
        Case(Confidences(0.0).draw, 0.12, "calibrated, bound 0.12"),
        at_most=True,
    )


def _in_groups() -> Row:
    cases = tuple(Case(_of_groups(rate), rate, f"rate {rate:g}") for rate in (0.8, 0.9, 0.95, 0.98))
    power = Case(_of_groups(0.95), 0.85, "0.95 for 0.85")
    return Row("accuracy at least, groups of 20", "accuracy", cases, power, sizes=GROUPS)


def _of_groups(rate: float) -> Sample:
    return lambda draw, groups: grouped(rate, groups)(draw)


def rows() -> list[Row]:
    """All kinds of rules that are drawn."""
    scored = [_scored(m) for m in ("auroc", "average_precision")]
    scored += [_scored_pairs(m) for m in ("auroc", "average_precision")]
    return [*_decided(), *scored, *_calibrated(), _in_groups()]


def measure(row: Row, size: int, repeats: int = REPEATS) -> dict[str, object]:
    """Error and power of a rule with so many samples, in %."""
    rates = {case.name: passed(row, case, size, repeats) for case in row.errors}
    worst = max(rates, key=lambda name: rates[name])
    power = passed(row, row.power, size, repeats)
    facts = {"rule": row.rule, "n": size, "error": rates[worst], "worst": worst}
    return {**facts, "power": power, "of": row.power.name, "exact": None}


def passed(row: Row, case: Case, size: int, repeats: int) -> float:
    """How often the rule passes, in %."""
    draw, count = np.random.default_rng([size, len(case.name)]), 0
    for _ in range(repeats):
        found = _interval(case.sample(draw, size), row.metric)
        bound = found.high if row.at_most else found.low
        if bound is not None:
            count += bound <= case.bound if row.at_most else bound >= case.bound + 1e-12
    return round(100 * count / repeats, 2)


def _interval(sample: object, metric: str) -> Interval:
    if isinstance(sample, Outcome):
        return intervals(sample, PLAN, [metric])[metric]
    assert isinstance(sample, tuple)
    one, other = sample
    if isinstance(other, Outcome):
        return paired(one, other, PLAN, [metric])[metric]
    return intervals(one, Plan(PLAN.confidence, other), [metric])[metric]


def _true(metric: str, table: np.ndarray) -> float:
    right, actual, said = np.diag(table), table.sum(axis=1), table.sum(axis=0)
    if metric == "balanced_accuracy":
        return float((right / actual).mean())
    scores = 2 * right / (actual + said)
    return float(scores[1] if len(table) == 2 else scores.mean())


def accuracy(size: int) -> dict[str, object]:
    """Enumerated: every count of right samples, at 14 rates; the exact test is the binomial one."""
    right = np.arange(size + 1)
    low, _ = clopper_pearson(right, size, PLAN.tail)
    rates = (*np.arange(0.5, 0.99, 0.05), 0.82, 0.98, 0.99, 0.995)
    errors = {f"rate {rate:.3g}": stats.binom.pmf(right, size, rate)[low >= rate].sum() for rate in rates}
    worst = max(errors, key=lambda name: errors[name])
    chances = stats.binom.pmf(right, size, 0.95)
    exact = chances[stats.binom.sf(right - 1, size, 0.9) <= PLAN.tail].sum()
    facts = {"rule": "accuracy at least", "n": size, "error": _percent(errors[worst]), "worst": worst}
    power = {"power": _percent(chances[low >= 0.9].sum()), "of": "0.95 for 0.9", "exact": _percent(exact)}
    return facts | power


def difference(size: int, margin: float) -> dict[str, object]:
    """Enumerated: every count of decisions gained and lost, at ten shares. Without margin, McNemar's is exact."""
    most = min(size, int(size * 0.35 + 7 * np.sqrt(size * 0.25)) + 1)
    gained, lost = (v.ravel() for v in np.meshgrid(np.arange(most + 1), np.arange(most + 1)))
    gained, lost = gained[gained + lost <= size], lost[gained + lost <= size]
    low, _ = tango(gained, lost, size, stats.norm.isf(PLAN.tail))
    passes = low >= -margin if margin else low > 0
    counts = np.stack([gained, lost, size - gained - lost], axis=1)

    def chances(plus: float, minus: float) -> np.ndarray:
        return np.asarray(stats.multinomial.pmf(counts, size, [plus, minus, 1 - plus - minus]))

    shares = np.linspace(max(margin, 0.01), 0.35, 10)
    errors = {
        f"{s:.0%} discordant": chances((s - margin) / 2, (s + margin) / 2)[passes].sum() for s in shares
    }
    worst = max(errors, key=lambda name: errors[name])
    facts = {"n": size, "error": _percent(errors[worst]), "worst": worst}
    if margin:
        power = {"power": _percent(chances(0.025, 0.025)[passes].sum()), "of": "equal, 5 % discordant"}
        return {"rule": f"accuracy loses at most {margin:g}", **facts, **power, "exact": None}
    mcnemar = chances(0.15, 0.05)[stats.binom.sf(gained - 1, gained + lost, 0.5) <= PLAN.tail].sum()
    power = {"power": _percent(chances(0.15, 0.05)[passes].sum()), "of": "10 points better, 20 % discordant"}
    return {"rule": "accuracy better than a control", **facts, **power, "exact": _percent(mcnemar)}


def _percent(share: float) -> float:
    return round(100 * float(share), 2)


def table(measured: list[dict[str, object]]) -> str:
    """As docs/gates.md shows it: error / power at each size, in %; a dash where the rule wants more samples."""
    lines = []
    for rule in dict.fromkeys(str(m["rule"]) for m in measured):
        of = [m for m in measured if m["rule"] == rule]
        cells = [f"{m['error']:.1f} / {m['power']:.0f}" for m in of]
        exact = [f"{m['exact']:.0f}" for m in of if m["exact"] is not None]
        known = f" (exact test: {', '.join(exact)})" if exact else ""
        lines.append(f"| {rule} | {' | '.join(cells)} | {of[0]['of']}{known} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=REPEATS, help="samples drawn for each rate")
    repeats = parser.parse_args().repeats
    measured = [accuracy(size) for size in SIZES]
    measured += [difference(size, margin) for margin in (0.0, 0.05, 0.02) for size in SIZES]
    for row in rows():
        measured += [measure(row, size, repeats) for size in row.sizes]
    publish("guarantees", {"repeats": repeats, "rules": measured})
    print(table(measured))


if __name__ == "__main__":
    main()
