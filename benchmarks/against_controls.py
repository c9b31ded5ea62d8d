"""The rule `better than a control` by scores and by calibration: a control that is as good, and one that is worse."""

from collections.abc import Iterator

import numpy as np

from benchmarks.in_groups import Groups
from benchmarks.populations import (
    Draw,
    Scores,
    both_confused,
    calibrated_pair,
    discordant,
    of_two,
    two_confidences,
    two_models,
    with_area,
)
from benchmarks.rules import Case, Row, Sample, difference, pairs_of_two
from benchmarks.rules_in_groups import GROUPS, HARD
from components.problems.classification.judge.metrics import Outcome

RULE = "{} better than a control"
MARGIN = RULE + " by more than a margin"
RANKED = ("auroc", "average_precision")
NO_USE = Scores(shift=0.0)
GOOD, POOR = with_area(0.92), with_area(0.80)
RIGHT = 0.725  # share that is right where confidences are those of `calibrated_pair`


def alone() -> Iterator[Row]:
    for metric in RANKED:
        yield Row(RULE.format(metric), metric, (*_as_good(metric), _no_use()), _better())
    cases = (
        Case(two_confidences(0.1, 0.1, True), 0.0, "too sure, alike"),
        Case(two_confidences(0.1, 0.1, False), 0.0, "too sure, not alike"),
        Case(two_confidences(0.0, 0.0, False), 0.0, "both calibrated"),
        Case(_one_confidence(0.1), 0.0, "too sure, by one confidence"),
        Case(_one_confidence(0.0), 0.0, "calibrated, by one confidence"),
    )
    better = Case(two_confidences(0.0, 0.1, True), 0.0, "calibrated, the control too sure by 0.1")
    yield Row(RULE.format("ece"), "ece", cases, better, at_most=True)
    yield from _by_a_margin()


def _by_a_margin() -> Iterator[Row]:
    """A model that is better than the control by exactly the margin."""
    shares = ((0.05, 0.0), (0.075, 0.025), (0.15, 0.1))
    cases = [Case(discordant(g, lost), 0.05, f"{100 * (g + lost):.0f} % discordant") for g, lost in shares]
    better = Case(discordant(0.2, 0.05, 0.75), 0.05, "15 points better for 5, 25 % discordant")
    yield Row(MARGIN.format("balanced_accuracy"), "balanced_accuracy", tuple(cases), better)
    tables = {name: table.transpose(0, 2, 1) for name, table in pairs_of_two().items()}
    cases = [Case(both_confused(table), difference(table), name) for name, table in tables.items()]
    better = Case(discordant(0.2, 0.05, 0.75), 0.05, "15 points better for some 5, 25 % discordant")
    yield Row(MARGIN.format("f1"), "f1", tuple(cases), better)
    one, other = with_area(0.9), with_area(0.85)
    for metric in RANKED:
        off = getattr(one, metric) - getattr(other, metric)
        cases = [Case(two_models(one, other, r), off, f"correlation {r:g}") for r in (0.0, 0.9)]
        better = Case(two_models(with_area(0.95), other, 0.3), off, "AUROC 0.95, the control 0.85, for 0.90")
        yield Row(MARGIN.format(metric), metric, tuple(cases), better)
    cases = [
        Case(two_confidences(0.05, 0.1, alike), -0.05, f"0.05 for 0.1, {'' if alike else 'not '}alike")
        for alike in (True, False)
    ]
    better = Case(two_confidences(0.0, 0.2, True), -0.05, "calibrated, the control too sure by 0.2")
    yield Row(MARGIN.format("ece"), "ece", tuple(cases), better, at_most=True)


def _as_good(metric: str) -> Iterator[Case]:
    """Its scores agree much or not at all, positives are rare, or it orders by scores of another shape."""
    one, rare, wide = with_area(0.85), with_area(0.9, prevalence=0.1), with_area(0.85, width=2.0)
    yield Case(two_models(one, one, 0.9), 0.0, "correlation 0.9")
    yield Case(two_models(one, one, 0.0), 0.0, "correlation 0")
    yield Case(two_models(rare, rare, 0.3), 0.0, "10 % of positives")
    off = getattr(one, metric) - getattr(wide, metric)
    yield Case(two_models(one, wide, 0.3), off, "control of unequal variances")


def _no_use() -> Case:
    return Case(beside_constant(NO_USE.draw), 0.0, "of no use, a constant control")


def _better() -> Case:
    return Case(two_models(GOOD, POOR, 0.3), 0.0, "AUROC 0.92, the control 0.80")


def beside_constant(sample: Sample) -> Sample:
    """The model, and a control that says the same of every sample; groups stay."""

    def pair(draw: Draw, size: int) -> object:
        made = sample(draw, size)
        outcome, *member = made if isinstance(made, tuple) else (made,)
        assert isinstance(outcome, Outcome)
        return (outcome, of_two(outcome.targets, np.full(len(outcome), 0.3)), *member)

    return pair


def _one_confidence(gap: float, groups: Groups | None = None) -> Sample:
    """A model that says the same confidence of all samples, and a control whose confidences differ."""

    def pair(draw: Draw, size: int) -> object:
        member = None if groups is None else groups.members(draw, size)
        _, second, rates = calibrated_pair(draw, size if member is None else len(member), True)
        if groups is None or member is None:
            targets = (draw.random(size) < rates).astype(np.int64)
            return of_two(targets, np.full(size, RIGHT + gap)), of_two(targets, second + gap)
        targets = groups.right(draw, rates, member)
        return of_two(targets, np.full(len(member), RIGHT + gap)), of_two(targets, second + gap), member

    return pair


def grouped() -> Iterator[Row]:
    one = with_area(0.85)
    for metric in RANKED:
        cases = [
            case
            for name, groups in HARD.items()
            for case in (
                Case(groups.score_pairs(one, one, 0.0), 0.0, f"{name}correlation 0"),
                Case(
                    beside_constant(groups.scores(NO_USE, "opposed")),
                    0.0,
                    f"{name}of no use, a constant control",
                ),
            )
        ]
        better = Case(Groups(0.05).score_pairs(GOOD, POOR, 0.3), 0.0, "AUROC 0.92, the control 0.80")
        yield Row(RULE.format(metric), metric, tuple(cases), better, sizes=GROUPS, groups=True)
    cases = [
        case
        for name, groups in HARD.items()
        for case in (
            Case(groups.confidence_pairs(0.1, 0.1, False), 0.0, f"{name}too sure, not alike"),
            Case(_one_confidence(0.0, groups), 0.0, f"{name}calibrated, by one confidence"),
        )
    ]
    better = Case(
        Groups(0.05).confidence_pairs(0.0, 0.1, True), 0.0, "calibrated, the control too sure by 0.1"
    )
    yield Row(RULE.format("ece"), "ece", tuple(cases), better, at_most=True, sizes=GROUPS, groups=True)
