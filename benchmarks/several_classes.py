"""Rules on several classes that go by scores and confidences: average precision, a difference of AUROCs, ECE."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

import numpy as np

from benchmarks.in_groups import Groups, Members
from benchmarks.populations import LOWEST, Draw, Floats, Scores, of_several
from benchmarks.rules import Case, Row, Sample
from benchmarks.rules_in_groups import ALIKE, GROUPS, HARD, KINDS
from components.problems.classification.judge.metrics import Outcome

THREE, FIVE = (0.6, 0.3, 0.1), (0.2,) * 5
T = TypeVar("T")
Ranked = Literal["auroc", "average_precision"]
RANKED: tuple[Ranked, ...] = ("auroc", "average_precision")
MARGINS = {"auroc": 0.02, "average_precision": 0.03}
AT_LEAST = "average_precision of several classes at least"
LOSES = "{} of several classes loses at most"
SURE = "ece of several classes {}"
MIDDLE = 0.65  # mean confidence of `Sure`


def mean(metric: Ranked, shift: float, shares: tuple[float, ...], lost: float = 0.0) -> float:
    """Of a metric over classes, each against the others: its own score is N(shift, 1), the others are N(0, 1).

    Args:
        lost: share of the last class whose own score is the lowest of all.
    """
    each = [Scores(shift, prevalence=share) for share in shares]
    each[-1] = replace(each[-1], lost=lost)
    return float(np.mean([getattr(scores, metric) for scores in each]))


@dataclass(frozen=True)
class Pair:
    """Two models that have a score for each class, as `mean` says; scores of the two have the correlation `agree`."""

    one: float
    other: float
    shares: tuple[float, ...]
    agree: float
    lost: float = 0.0

    def worse(self, metric: Ranked) -> float:
        own = mean(metric, self.one, self.shares, self.lost)
        return own - mean(metric, self.other, self.shares)

    def draw(self, draw: Draw, samples: int) -> tuple[Outcome, Outcome]:
        targets = draw.choice(len(self.shares), size=samples, p=self.shares)
        return self._outcomes(draw, targets, self._noises(draw, (samples, len(self.shares))))

    def in_groups(self, groups: Groups) -> Sample:
        """Hard groups, in which the score of a sample's class is lower and the others are higher."""

        def pair(draw: Draw, count: int) -> tuple[Outcome, Outcome, Members]:
            member, targets = groups.of_several(draw, count, np.array(self.shares))
            sign = 2 * np.eye(len(self.shares))[targets] - 1
            common = self._noises(draw, (count, 1))[:, member] * sign
            own = self._noises(draw, sign.shape)
            noises = np.sqrt(groups.correlation) * common + np.sqrt(1 - groups.correlation) * own
            return (*self._outcomes(draw, targets, noises), member)

        return pair

    def _noises(self, draw: Draw, shape: tuple[int, int]) -> Floats:
        common, apart = draw.standard_normal(shape), draw.standard_normal((2, *shape))
        return np.asarray(np.sqrt(self.agree) * common + np.sqrt(1 - self.agree) * apart)

    def _outcomes(self, draw: Draw, targets: np.ndarray, noises: Floats) -> tuple[Outcome, Outcome]:
        own = np.eye(len(self.shares))[targets]
        one, other = self.one * own + noises[0], self.other * own + noises[1]
        missed = (targets == len(self.shares) - 1) & (draw.random(len(targets)) < self.lost)
        one[missed, -1] = LOWEST + 0.1 * noises[0][missed, -1]
        return _scored(targets, one), _scored(targets, other)


def _scored(targets: np.ndarray, scores: Floats) -> Outcome:
    return Outcome(targets, 1 / (1 + np.exp(-scores)), scores.argmax(axis=1))


@dataclass(frozen=True)
class Sure:
    """Confidences uniform from 0.5 to 0.8 in the class that is said, which is right less often by the gap of a class.

    Attributes:
        gaps: of each class that is said, -0.2 to 0.5; -0.05 to 0.35 where another model stands beside it.
        shares: how often each is said.
    """

    gaps: tuple[float, ...]
    shares: tuple[float, ...] = THREE

    @property
    def error(self) -> float:
        """Confidences of all classes are alike, so that in each bin their gaps have their mean."""
        return float(abs(np.dot(self.gaps, self.shares)))

    def draw(self, draw: Draw, samples: int) -> Outcome:
        said = draw.choice(len(self.shares), size=samples, p=self.shares)
        confidence = draw.uniform(0.5, 0.8, samples)
        right = draw.random(samples) < confidence - np.array(self.gaps)[said]
        return self._outcome(draw, said, confidence, right)

    def in_groups(self, groups: Groups) -> Sample:
        """Groups are right more often or less often; where a group has one class, that is the one that is said."""

        def outcome(draw: Draw, count: int) -> tuple[Outcome, Members]:
            member, said = groups.of_several(draw, count, np.array(self.shares))
            confidence = draw.uniform(0.5, 0.8, len(member))
            right = groups.right(draw, confidence - np.array(self.gaps)[said], member) == 1
            return self._outcome(draw, said, confidence, right), member

        return outcome

    def _outcome(self, draw: Draw, said: np.ndarray, confidence: Floats, right: np.ndarray) -> Outcome:
        classes = len(self.shares)
        others = (said + draw.integers(1, classes, len(said))) % classes
        targets = np.where(right, said, others)
        return Outcome(targets, _spread_over(said, confidence, classes), said)

    def beside_another(self, surer: float, groups: Groups | None = None) -> Sample:
        """A model that is surer by so much, and another that says the same class: each of its own samples sure.

        Both have the gaps of their classes; the one has `surer` more.
        """

        def pair(draw: Draw, size: int) -> object:
            shares = np.array(self.shares)
            if groups is None:
                member, said = np.arange(size), draw.choice(len(shares), size=size, p=shares)
            else:
                member, said = groups.of_several(draw, size, shares)
            ours, theirs = draw.uniform(0.5, 0.8, (2, len(member)))
            rates = ours + theirs - MIDDLE - np.array(self.gaps)[said]
            right = groups.right(draw, rates, member) == 1 if groups else draw.random(len(member)) < rates
            other = self._outcome(draw, said, theirs, right)
            one = replace(other, probabilities=_spread_over(said, ours + surer, len(shares)))
            return (one, other) if groups is None else (one, other, member)

        return pair


def _spread_over(said: np.ndarray, confidence: Floats, classes: int) -> Floats:
    """(N, C) probabilities: what the class that is said leaves, the others share alike."""
    own = np.eye(classes)[said]
    return np.asarray(own * confidence[:, None] + (1 - own) * ((1 - confidence) / (classes - 1))[:, None])


ORDERED = ((1.5, THREE), (3.0, THREE), (2.0, FIVE))
PAIRS = {
    "correlation 0.9": Pair(1.9, 2.0, THREE, 0.9),
    "correlation 0.3": Pair(1.9, 2.0, THREE, 0.3),
    "five classes": Pair(1.9, 2.0, FIVE, 0.6),
    "a tenth of the rare class lost": Pair(2.0, 2.0, THREE, 0.99, lost=0.1),
}
EQUAL = Pair(2.0, 2.0, THREE, 0.9)
GAPS = {
    "gap 0.05": Sure((0.05,) * 3),
    "gap 0.1, five classes": Sure((0.1,) * 5, FIVE),
    "of one class": Sure((0.0, 0.0, 0.35)),
    "opposed": Sure((0.2, -0.15, -0.15)),
}
CALIBRATED = Sure((0.0,) * 3)
WORSE = GAPS | {"opposed": Sure((0.3, -0.05, -0.05)), "calibrated": CALIBRATED}
TOO_SURE = Sure((0.05,) * 3)


def alone() -> Iterator[Row]:
    metric: Ranked = "average_precision"
    errors = tuple(
        Case(of_several(shift, shares), _without_mean(shift, shares), _called(shift, shares))
        for shift, shares in ORDERED
    )
    better, at = of_several(2.5, THREE), _without_mean(1.5, THREE)
    power = Case(better, at, f"{_without_mean(2.5, THREE):.2f} for {at:.2f}")
    yield Row(AT_LEAST, metric, errors, power)
    for metric in RANKED:
        cases = tuple(Case(pair.draw, pair.worse(metric), name) for name, pair in PAIRS.items())
        margin = MARGINS[metric]
        equal = Case(EQUAL.draw, -margin, f"equal, margin {margin:g}")
        yield Row(LOSES.format(metric), metric, cases, equal)
    cases = tuple(Case(sure.draw, sure.error, name) for name, sure in GAPS.items())
    power = Case(CALIBRATED.draw, 0.12, "calibrated, bound 0.12")
    yield Row(SURE.format("at most"), "ece", cases, power, at_most=True)
    cases = tuple(Case(sure.beside_another(0.05), 0.05, name) for name, sure in WORSE.items())
    equal = Case(TOO_SURE.beside_another(0.0), 0.05, "equal, margin 0.05")
    yield Row(SURE.format("loses at most 0.05"), "ece", cases, equal, at_most=True)


def _without_mean(shift: float, shares: tuple[float, ...]) -> float:
    """Average precision where the mean of a sample's scores is taken off: their variance is 1 - 1 / classes."""
    return mean("average_precision", shift / np.sqrt(1 - 1 / len(shares)), shares)


def _called(shift: float, shares: tuple[float, ...]) -> str:
    return f"{len(shares)} classes, shift {shift:g}"


def grouped() -> Iterator[Row]:
    """The populations of samples that are the hardest there, in each kind of groups."""
    yield _precision_in_groups()
    for metric in RANKED:
        cases = tuple(
            Case(pair.in_groups(groups), pair.worse(metric), f"{name}{said}")
            for name, groups in KINDS.items()
            for said, pair in _some(PAIRS, "correlation 0.3", "a tenth of the rare class lost")
        )
        margin = MARGINS[metric]
        equal = Case(EQUAL.in_groups(Groups(0.05)), -margin, f"equal, margin {margin:g}")
        yield Row(LOSES.format(metric), metric, cases, equal, sizes=GROUPS, groups=True)
    cases = tuple(
        Case(sure.in_groups(groups), sure.error, f"{name}{said}")
        for name, groups in HARD.items()
        for said, sure in _some(GAPS, "gap 0.1, five classes", "opposed")
    )
    power = Case(CALIBRATED.in_groups(Groups(0.05)), 0.12, "calibrated, bound 0.12")
    yield Row(SURE.format("at most"), "ece", cases, power, at_most=True, sizes=GROUPS, groups=True)
    cases = tuple(
        Case(sure.beside_another(0.05, groups), 0.05, f"{name}{said}")
        for name, groups in HARD.items()
        for said, sure in _some(WORSE, "opposed", "calibrated")
    )
    equal = Case(TOO_SURE.beside_another(0.0, Groups(0.05)), 0.05, "equal, margin 0.05")
    yield Row(SURE.format("loses at most 0.05"), "ece", cases, equal, at_most=True, sizes=GROUPS, groups=True)


def _some(of: Mapping[str, T], *names: str) -> list[tuple[str, T]]:
    return [(name, of[name]) for name in names]


def _precision_in_groups() -> Row:
    metric: Ranked = "average_precision"
    errors = tuple(
        Case(
            groups.scores_of_several(shift, np.array(shares), alike),
            mean(metric, shift, shares),
            f"{name}{_called(shift, shares)}, {alike}",
        )
        for name, groups in KINDS.items()
        for shift, shares in (ORDERED[0], ORDERED[2])
        for alike in ALIKE
    )
    at, better = mean(metric, 1.5, THREE), Groups(0.05).scores_of_several(2.5, np.array(THREE))
    power = Case(better, at, f"{mean(metric, 2.5, THREE):.2f} for {at:.2f}")
    return Row(AT_LEAST, metric, errors, power, sizes=GROUPS, groups=True)
