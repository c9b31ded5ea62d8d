"""Made-up populations whose metrics are known, and samples of models on them: what guarantees are measured on."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from components.evaluation.calibration_error import bins
from components.problems.classification.judge.metrics import Outcome

Draw = np.random.Generator
Floats = npt.NDArray[np.float64]
LOWEST = -9.0  # score of a positive that the model does not recognise at all


@dataclass(frozen=True)
class Scores:
    """Scores of two classes: negatives N(0, 1), positives N(shift, width); a share of positives is lost at the end.

    Attributes:
        prevalence: of positives.
        first: share of negatives with the highest scores of all.
    """

    shift: float
    prevalence: float = 0.3
    width: float = 1.0
    lost: float = 0.0
    first: float = 0.0

    @property
    def auroc(self) -> float:
        area = norm.cdf(self.shift / np.hypot(1, self.width))
        return float((1 - self.lost) * (1 - self.first) * area)

    @property
    def average_precision(self) -> float:
        """Precision over recall, integrated."""
        at = np.linspace(LOWEST - 1, self.shift + 9, 100_001)
        recall = (1 - self.lost) * norm.sf((at - self.shift) / self.width) + self.lost * norm.sf(
            (at - LOWEST) / 0.1
        )
        others = (1 - self.first) * norm.sf(at) + self.first
        precision = self.prevalence * recall / (self.prevalence * recall + (1 - self.prevalence) * others)
        return float((-np.diff(recall) * (precision[:-1] + precision[1:]) / 2).sum())

    def draw(
        self, draw: Draw, samples: int, common: Floats | None = None, targets: Floats | None = None
    ) -> Outcome:
        """`common`: noise (N,) that another model has, too, which makes the two agree; for the same `targets`."""
        noise = draw.standard_normal(samples) if common is None else common
        positive = draw.random(samples) < self.prevalence if targets is None else targets == 1
        scores = np.where(positive, self.shift + self.width * noise, noise)
        scores = np.where(positive & (draw.random(samples) < self.lost), LOWEST + 0.1 * noise, scores)
        scores = np.where(
            ~positive & (draw.random(samples) < self.first), self.shift + 9 + 0.1 * noise, scores
        )
        probabilities = 1 / (1 + np.exp(self.shift / 2 - scores))
        return of_two(positive.astype(np.int64), probabilities)


def with_area(area: float, **others: float) -> Scores:
    width = others.get("width", 1.0)
    left = (1 - others.get("lost", 0.0)) * (1 - others.get("first", 0.0))
    return Scores(shift=float(np.hypot(1, width) * norm.ppf(area / left)), **others)


def two_models(one: Scores, other: Scores, agree: float) -> Callable[[Draw, int], tuple[Outcome, Outcome]]:
    """Both on the same samples; `agree` is the correlation of their scores."""

    def pair(draw: Draw, samples: int) -> tuple[Outcome, Outcome]:
        targets = (draw.random(samples) < one.prevalence).astype(np.float64)
        common = draw.standard_normal(samples)
        noises = (
            np.sqrt(agree) * common + np.sqrt(1 - agree) * draw.standard_normal(samples) for _ in range(2)
        )
        first, second = (
            m.draw(draw, samples, noise, targets) for m, noise in zip((one, other), noises, strict=True)
        )
        return first, second

    return pair


def confused(table: Floats) -> Callable[[Draw, int], Outcome]:
    """Decisions by a table of shares (C, C): rows are classes, columns decisions."""

    def outcome(draw: Draw, samples: int) -> Outcome:
        classes = len(table)
        cells = draw.choice(table.size, size=samples, p=table.ravel() / table.sum())
        return said(cells // classes, cells % classes, classes)

    return outcome


def discordant(
    gained: float, lost: float, right: float = 0.8
) -> Callable[[Draw, int], tuple[Outcome, Outcome]]:
    """Two models of which only the one, only the other is right on such shares, in either class."""

    def pair(draw: Draw, samples: int) -> tuple[Outcome, Outcome]:
        targets = (draw.random(samples) < 0.3).astype(np.int64)
        place = draw.random(samples)
        both = place < right - lost
        first = both | (place > 1 - gained)
        second = both | ((place <= 1 - gained) & (place > 1 - gained - lost))
        return decided(targets, first), decided(targets, second)

    return pair


def two_tables(table: Floats, worse: Floats, agree: float) -> Floats:
    """Shares (C, C, C): class, decision of one model, decision of the other.

    Args:
        table: shares (C, C) of the other; rows are classes.
        worse: shares (C, C) by which the one decides where it does not say the same as the other.
        agree: how often it does.
    """
    alone = worse / worse.sum(axis=1, keepdims=True)
    same = np.eye(len(table))[None, :, :] * table[:, None, :]
    return np.asarray(agree * same + (1 - agree) * alone[:, :, None] * table[:, None, :])


def both_confused(shares: Floats) -> Callable[[Draw, int], tuple[Outcome, Outcome]]:
    """Decisions of two models by shares (C, C, C): class, decision of the one, of the other."""

    def pair(draw: Draw, samples: int) -> tuple[Outcome, Outcome]:
        cells = draw.choice(shares.size, size=samples, p=shares.ravel() / shares.sum())
        targets, one, other = np.unravel_index(cells, shares.shape)
        return said(targets, one, len(shares)), said(targets, other, len(shares))

    return pair


def of_several(shift: float, shares: tuple[float, ...]) -> Callable[[Draw, int], Outcome]:
    """A score for each class; that of its own class is higher by `shift`. Then their mean is taken off."""

    def outcome(draw: Draw, samples: int) -> Outcome:
        targets = draw.choice(len(shares), size=samples, p=shares)
        scores = draw.standard_normal((samples, len(shares))) + shift * np.eye(len(shares))[targets]
        scores -= scores.mean(axis=1, keepdims=True)
        return Outcome(targets, 1 / (1 + np.exp(-scores)), scores.argmax(axis=1))

    return outcome


def area_of_several(shift: float, classes: int) -> float:
    """AUROC of each class: its score lies higher by `shift`, and each has the variance 1 - 1 / classes."""
    return float(norm.cdf(shift / np.sqrt(2 * (1 - 1 / classes))))


def said(targets: npt.NDArray[np.int64], decisions: npt.NDArray[np.int64], classes: int) -> Outcome:
    return Outcome(targets, np.eye(classes)[decisions], decisions)


def decided(targets: npt.NDArray[np.int64], right: npt.NDArray[np.bool_]) -> Outcome:
    decisions = np.where(right, targets, 1 - targets)
    return said(targets, decisions, 2)


@dataclass(frozen=True)
class Confidences:
    """Confidences uniform between 0.5 and 1, right less often by `gap` (or by gap and -gap in turn)."""

    gap: float
    in_turn: bool = False

    def rates(self, confidence: Floats) -> Floats:
        sign = np.where(bins(confidence) % 2, -1.0, 1.0) if self.in_turn else 1.0
        return np.asarray(np.clip(confidence - sign * self.gap, 0, 1))

    @property
    def error(self) -> float:
        confidence = np.linspace(0.5, 1, 200_001)
        gaps = np.bincount(bins(confidence), weights=confidence - self.rates(confidence))
        return float(np.abs(gaps).sum() / len(confidence))

    def draw(self, draw: Draw, samples: int) -> Outcome:
        confidence = draw.uniform(0.5, 1, samples)
        right = draw.random(samples) < self.rates(confidence)
        return of_two(right.astype(np.int64), confidence)


def two_confidences(gap: float, other: float, alike: bool) -> Callable[[Draw, int], tuple[Outcome, Outcome]]:
    """Two models that are too sure by such gaps, which are their calibration errors, and say the same class."""

    def pair(draw: Draw, samples: int) -> tuple[Outcome, Outcome]:
        first, second, rates = calibrated_pair(draw, samples, alike)
        targets = (draw.random(samples) < rates).astype(np.int64)
        return of_two(targets, first + gap), of_two(targets, second + other)

    return pair


def calibrated_pair(draw: Draw, samples: int, alike: bool) -> tuple[Floats, Floats, Floats]:
    """Calibrated confidences of two models, and how often both are right.

    Args:
        alike: whether they are sure of the same samples, or each of its own.
    """
    first = draw.uniform(0.6, 0.85, samples)
    if alike:
        return first, first, first
    second = draw.uniform(0.6, 0.85, samples)
    return first, second, first + second - 0.725


def of_two(targets: npt.NDArray[np.int64], probabilities: Floats) -> Outcome:
    decisions = (probabilities >= 0.5).astype(np.int64)
    return Outcome(targets, np.stack([1 - probabilities, probabilities], axis=1), decisions)
