"""The kinds of rules on samples in groups: their populations, and the bounds on them."""

from collections.abc import Iterator, Mapping

import numpy as np
from scipy.stats import norm

from benchmarks.in_groups import Alike, Groups
from benchmarks.populations import Confidences, two_tables, with_area
from benchmarks.rules import (
    EVEN,
    SURE,
    TABLES,
    THREE,
    TWO,
    Case,
    Row,
    difference,
    pairs_of_three,
    pairs_of_two,
    table_of,
    true,
)

GROUPS = (10, 20, 50, 100)
KINDS = {
    "": Groups(0.05),
    "unequal sizes, ": Groups(0.2, unequal=True),
    "one class a group, ": Groups(0.2, labels=1),
}
HARD = {name: groups for name, groups in KINDS.items() if groups.correlation > 0.05}
ALIKE: tuple[Alike, ...] = ("both classes", "opposed")


def grouped() -> Iterator[Row]:
    """Correlated by 0.05; by 0.2 with unequal sizes; by 0.2 where all samples of a group are of one class."""
    yield _right_in_groups()
    for metric in ("balanced_accuracy", "f1"):
        cases = [
            Case(
                groups.decisions(r, alike),
                true(metric, table_of(*r)),
                f"{name}recalls {r[0]:g}, {r[1]:g}, {alike}",
            )
            for name, groups in KINDS.items()
            for r in ((0.9, 0.9), (0.98, 0.8))
            for alike in ALIKE
        ]
        power = Case(
            Groups(0.05).decisions((0.95, 0.95)), true(metric, table_of(0.85, 0.85)), "0.95 for 0.85"
        )
        yield Row(f"{metric} at least", metric, tuple(cases), power, sizes=GROUPS, groups=True)
    for metric in ("auroc", "average_precision"):
        at, better = with_area(0.88), with_area(0.94)
        cases = [
            Case(groups.scores(at, alike), getattr(at, metric), f"{name}{alike}")
            for name, groups in KINDS.items()
            for alike in ALIKE
        ]
        power = Case(Groups(0.05).scores(better), getattr(at, metric), "0.94 for 0.88")
        yield Row(f"{metric} at least", metric, tuple(cases), power, sizes=GROUPS, groups=True)
    gaps = {"gap 0.05": Confidences(0.05), "gap 0.1": Confidences(0.1)}
    cases = [
        Case(groups.confidences(p), p.error, f"{name}{gap}")
        for name, groups in KINDS.items()
        for gap, p in gaps.items()
    ]
    power = Case(Groups(0.05).confidences(Confidences(0.0)), 0.12, "calibrated, bound 0.12")
    yield Row("ece at most", "ece", tuple(cases), power, at_most=True, sizes=GROUPS, groups=True)
    yield from _decisions_of_pairs()
    yield from _scores_of_pairs()
    yield from _recalls()
    yield from _several_classes()
    yield _f1_of_pairs("f1 loses at most", pairs_of_two(), TWO)
    yield _f1_of_pairs("f1 of three classes loses at most", pairs_of_three(), THREE)


def _recalls() -> Iterator[Row]:
    """Of the class that 30 % of the samples have."""
    cases = [
        Case(groups.decisions((0.9, rate)), rate, f"{name}rate {rate:g}")
        for name, groups in KINDS.items()
        for rate in (0.8, 0.9, 0.95, 0.98)
    ]
    power = Case(Groups(0.05).decisions((0.95, 0.95)), 0.85, "0.95 for 0.85")
    yield Row("recall at least", "recall", tuple(cases), power, sizes=GROUPS, groups=True)
    cases = [
        Case(groups.discordant(g, lost, each_class=True), g - lost, f"{name}{g + lost:.0%} discordant")
        for name, groups in KINDS.items()
        for g, lost in ((0.0, 0.05), (0.025, 0.075), (0.1, 0.15))
    ]
    equal = Case(Groups(0.05).discordant(0.025, 0.025), -0.05, "equal, margin 0.05, 5 % discordant")
    yield Row("recall loses at most 0.05", "recall", tuple(cases), equal, sizes=GROUPS, groups=True)


def _several_classes() -> Iterator[Row]:
    for metric in ("balanced_accuracy", "f1"):
        cases = [
            Case(groups.tables(table, alike), true(metric, table), f"{name}{said}, {alike}")
            for name, groups in KINDS.items()
            for said, table in TABLES.items()
            for alike in ALIKE
        ]
        at = {"balanced_accuracy": 0.9, "f1": true("f1", EVEN)}[metric]
        power = Case(Groups(0.05).tables(SURE), at, f"{true(metric, SURE):.2f} for {at:.2f}")
        yield Row(
            f"{metric} of three classes at least", metric, tuple(cases), power, sizes=GROUPS, groups=True
        )
    shares, areas = np.array([0.6, 0.3, 0.1]), {s: float(norm.cdf(s / np.sqrt(2))) for s in (1.5, 2.0, 3.0)}
    cases = [
        Case(
            groups.scores_of_several(shift, of, alike),
            areas[shift],
            f"{name}{len(of)} classes, shift {shift:g}, {alike}",
        )
        for name, groups in KINDS.items()
        for shift, of in ((1.5, shares), (3.0, shares), (2.0, np.full(5, 0.2)))
        for alike in ALIKE
    ]
    better = Groups(0.05).scores_of_several(2.0, shares)
    power = Case(better, areas[1.5], f"{areas[2.0]:.2f} for {areas[1.5]:.2f}")
    rule = "auroc of several classes at least"
    yield Row(rule, "auroc", tuple(cases), power, sizes=GROUPS, groups=True)


def _f1_of_pairs(rule: str, pairs: Mapping[str, np.ndarray], table: np.ndarray) -> Row:
    cases = [
        Case(groups.table_pairs(shares), difference(shares), f"{name}{said}")
        for name, groups in KINDS.items()
        for said, shares in pairs.items()
    ]
    equal = Case(Groups(0.05).table_pairs(two_tables(table, table, 0.9)), -0.05, "equal, margin 0.05")
    return Row(rule, "f1", tuple(cases), equal, sizes=GROUPS, groups=True)


def _right_in_groups() -> Row:
    cases = [
        Case(groups.decisions((rate, rate)), rate, f"{name}rate {rate:g}")
        for name, groups in KINDS.items()
        for rate in (0.8, 0.9, 0.95, 0.98)
    ]
    power = Case(Groups(0.05).decisions((0.95, 0.95)), 0.85, "0.95 for 0.85")
    return Row("accuracy at least", "accuracy", tuple(cases), power, sizes=GROUPS, groups=True)


def _decisions_of_pairs() -> Iterator[Row]:
    shares = ((0.0, 0.05), (0.025, 0.075), (0.1, 0.15))
    for metric in ("accuracy", "balanced_accuracy"):
        cases = [
            Case(
                groups.discordant(g, lost, each_class=each),
                g - lost,
                f"{name}{g + lost:.0%} discordant{said}",
            )
            for name, groups in KINDS.items()
            for g, lost in shares
            for each, said in ((False, ""), (True, ", by class"))
        ]
        equal = Case(Groups(0.05).discordant(0.025, 0.025), -0.05, "equal, margin 0.05, 5 % discordant")
        yield Row(f"{metric} loses at most 0.05", metric, tuple(cases), equal, sizes=GROUPS, groups=True)
    same = [
        Case(groups.discordant(g, g), 0.0, f"{name}{2 * g:.0%} discordant")
        for name, groups in KINDS.items()
        for g in (0.025, 0.1)
    ]
    gain = Case(Groups(0.05).discordant(0.15, 0.05), 0.0, "10 points better, 20 % discordant")
    yield Row("f1 better than a control", "f1", tuple(same), gain, sizes=GROUPS, groups=True)


def _scores_of_pairs() -> Iterator[Row]:
    one, other = with_area(0.90), with_area(0.92)
    for metric, margin in (("auroc", 0.02), ("average_precision", 0.03)):
        worse = getattr(one, metric) - getattr(other, metric)
        cases = [
            Case(groups.score_pairs(one, other, agree), worse, f"{name}correlation {agree:g}")
            for name, groups in KINDS.items()
            for agree in (0.9, 0.3)
        ]
        equal = Case(Groups(0.05).score_pairs(other, other, 0.9), -margin, f"equal, margin {margin:g}")
        yield Row(f"{metric} loses at most", metric, tuple(cases), equal, sizes=GROUPS, groups=True)
    pairs = {
        "alike": (0.1, 0.05, True),
        "not alike": (0.1, 0.05, False),
        "a calibrated one": (0.05, 0.0, True),
    }
    cases = [
        Case(groups.confidence_pairs(*gaps), 0.05, f"{name}{said}")
        for name, groups in KINDS.items()
        for said, gaps in pairs.items()
    ]
    equal = Case(Groups(0.05).confidence_pairs(0.05, 0.05, True), 0.05, "equal, margin 0.05")
    rule = "ece loses at most 0.05"
    yield Row(rule, "ece", tuple(cases), equal, at_most=True, sizes=GROUPS, groups=True)
