"""The kinds of rules on samples in groups: their populations, and the bounds on them."""

from collections.abc import Iterator

from benchmarks.in_groups import Alike, Groups
from benchmarks.populations import Confidences, with_area
from benchmarks.rules import Case, Row, table_of, true

GROUPS = (10, 20, 50)
KINDS = {
    "": Groups(0.05),
    "unequal sizes, ": Groups(0.2, unequal=True),
    "one class a group, ": Groups(0.2, labels=1),
}
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


def _right_in_groups() -> Row:
    cases = [
        Case(groups.decisions((rate, rate)), rate, f"{name}rate {rate:g}")
        for name, groups in KINDS.items()
        for rate in (0.8, 0.9, 0.95, 0.98)
    ]
    power = Case(Groups(0.05).decisions((0.95, 0.95)), 0.85, "0.95 for 0.85")
    return Row("accuracy at least", "accuracy", tuple(cases), power, sizes=(*GROUPS, 100), groups=True)


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
