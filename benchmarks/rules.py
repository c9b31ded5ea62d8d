"""The kinds of rules whose error and power are drawn: their populations, and the bounds on them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.populations import (
    Confidences,
    Draw,
    area_of_several,
    both_confused,
    confused,
    discordant,
    of_several,
    two_confidences,
    two_models,
    two_tables,
    with_area,
)

SIZES = (10, 30, 100, 300, 650, 2000)
# Shares of decisions: rows are classes, columns decisions.
TWO = np.array([[0.63, 0.07], [0.03, 0.27]])
THREE = np.array([[0.48, 0.06, 0.06], [0.02, 0.26, 0.02], [0.01, 0.01, 0.08]])
EVEN = np.array([[0.3, 0.02, 0.02], [0.02, 0.29, 0.02], [0.01, 0.01, 0.31]])
SURE = np.array([[0.59, 0.005, 0.005], [0.002, 0.296, 0.002], [0.002, 0.002, 0.096]])
TABLES = {"60, 30 and 10 %": THREE, "even": EVEN, "99 % right": SURE}
Sample = Callable[
    [Draw, int], object
]  # one outcome or two, and the groups of their samples where they have some


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
        judge: whether a sample passes, where more than an interval decides.
        groups: whether sizes are those of groups.
    """

    rule: str
    metric: str
    errors: tuple[Case, ...]
    power: Case
    at_most: bool = False
    sizes: tuple[int, ...] = SIZES
    judge: Callable[[object], bool] | None = None
    groups: bool = False


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
    better = np.array([[0.67, 0.03], [0.015, 0.285]])
    bad = tables["0.9 and 0.9"]
    for metric in ("balanced_accuracy", "f1"):
        errors = [Case(confused(table), true(metric, table), name) for name, table in tables.items()]
        errors.append(Case(confused(THREE), true(metric, THREE), "three classes"))
        power = Case(confused(better), true(metric, bad), "recalls 0.95 for 0.9")
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


def _several_classes() -> Iterator[Row]:
    """Three classes: the mean of F1 over them and of AUROC, and two models' mean of F1."""
    errors = tuple(Case(confused(t), true("f1", t), name) for name, t in TABLES.items())
    power = Case(confused(SURE), true("f1", EVEN), "0.98 for 0.91")
    yield Row("f1 of three classes at least", "f1", errors, power)
    equal = two_tables(THREE, THREE, 0.9)
    yield _pairs_of_tables("f1 of three classes loses at most", pairs_of_three(), equal, 0.05)
    shares = (0.6, 0.3, 0.1)
    cases = tuple(
        Case(of_several(shift, of), area_of_several(shift, len(of)), f"{len(of)} classes, shift {shift:g}")
        for shift, of in ((1.5, shares), (3.0, shares), (2.0, (0.2,) * 5))
    )
    better = Case(of_several(2.0, shares), area_of_several(1.5, 3), "0.96 for 0.90")
    yield Row("auroc of several classes at least", "auroc", cases, better)


def _pairs_of_tables(rule: str, pairs: dict[str, np.ndarray], equal: np.ndarray, margin: float) -> Row:
    errors = tuple(Case(both_confused(t), difference(t), name) for name, t in pairs.items())
    power = Case(both_confused(equal), -margin, f"equal, margin {margin:g}")
    return Row(rule, "f1", errors, power)


def difference(shares: np.ndarray) -> float:
    """F1 of the one less that of the other, of shares (C, C, C)."""
    return true("f1", shares.sum(axis=2)) - true("f1", shares.sum(axis=1))


def _pairs_of_f1() -> Row:
    return _pairs_of_tables("f1 loses at most", pairs_of_two(), two_tables(TWO, TWO, 0.9), 0.05)


def pairs_of_two() -> dict[str, np.ndarray]:
    """A candidate that loses positives, that gets some of the negatives wrong, or that errs elsewhere."""
    return {
        "positives lost": two_tables(TWO, np.array([[0.63, 0.07], [0.3, 0.0]]), 0.94),
        "false positives": two_tables(TWO, np.array([[0.0, 0.7], [0.03, 0.27]]), 0.96),
        "agree in 0.5": two_tables(TWO, np.array([[0.59, 0.11], [0.05, 0.25]]), 0.5),
    }


def pairs_of_three() -> dict[str, np.ndarray]:
    """A candidate that errs more in all classes, and agrees much or little, or that loses the rare one."""
    worse = THREE + 0.02 * (1 - 3 * np.eye(3)) * THREE.sum(axis=1, keepdims=True)
    lost = THREE.copy()
    lost[2] = (0.02, 0.02, 0.06)
    return {
        "agree in 0.9": two_tables(THREE, worse, 0.9),
        "agree in 0.5": two_tables(THREE, worse, 0.5),
        "rare class lost": two_tables(THREE, lost, 0.6),
    }


def _pairs_of_confidences() -> Row:
    cases = {
        "0.1 for 0.05, alike": two_confidences(0.1, 0.05, True),
        "0.1 for 0.05, not alike": two_confidences(0.1, 0.05, False),
        "0.05 for a calibrated one": two_confidences(0.05, 0.0, True),
    }
    errors = tuple(Case(sample, 0.05, name) for name, sample in cases.items())
    equal = Case(two_confidences(0.05, 0.05, True), 0.05, "equal, margin 0.05")
    return Row("ece loses at most 0.05", "ece", errors, equal, at_most=True)


def _uneven() -> Row:
    """5 % of positives: 15 of 300."""
    recalls = ((0.9, 0.99), (0.99, 0.9), (0.9, 0.9), (0.99, 0.99), (0.99, 0.6))
    errors = tuple(
        Case(confused(table_of(*r, prevalence=0.05)), sum(r) / 2, f"recalls {r[0]:g}, {r[1]:g}")
        for r in recalls
    )
    power = Case(confused(table_of(0.95, 0.95, prevalence=0.05)), 0.85, "recalls 0.95 for 0.85")
    return Row("balanced_accuracy at least, 5 % positives", "balanced_accuracy", errors, power)


def table_of(negatives: float, positives: float, prevalence: float = 0.3) -> np.ndarray:
    shares = ((1 - prevalence, negatives), (prevalence, positives))
    (a, b), (d, c) = ((share * recall, share * (1 - recall)) for share, recall in shares)
    return np.array([[a, b], [c, d]])


def true(metric: str, table: np.ndarray) -> float:
    """The metric of decisions by shares (C, C)."""
    right, actual, said = np.diag(table), table.sum(axis=1), table.sum(axis=0)
    if metric == "balanced_accuracy":
        return float((right / actual).mean())
    scores = 2 * right / (actual + said)
    return float(scores[1] if len(table) == 2 else scores.mean())


def alone() -> Iterator[Row]:
    """Rules on samples without groups."""
    yield from _decided()
    yield _uneven()
    yield _pairs_of_f1()
    yield from _several_classes()
    for metric in ("auroc", "average_precision"):
        yield _scored(metric)
        yield _scored_pairs(metric)
    yield from _calibrated()
    yield _pairs_of_confidences()
