"""Metrics of multi-label classification.

Undefined values (F1 of a label that no sample has and none was given) are NaN here and become `None` in every file; NaN
passes no gate.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from components.evaluation.calibration_error import Gaps
from components.evaluation.ranking import ranked
from components.evaluation.spread import Floats

Labels = npt.NDArray[np.int8]


@dataclass(frozen=True)
class Outcome:
    """What a model said about N samples.

    Attributes:
        targets: (N, L), 0 or 1.
        probabilities: (N, L).
        decisions: (N, L), 0 or 1.
    """

    targets: Labels
    probabilities: Floats
    decisions: Labels

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def labels(self) -> int:
        return int(self.probabilities.shape[1])

    @cached_property
    def right(self) -> Floats:
        """(N, L): 1 where a label was decided right, else 0."""
        return np.asarray(self.targets == self.decisions, dtype=np.float64)

    @cached_property
    def correct(self) -> Floats:
        """(N,): share of the labels that were decided right."""
        return np.asarray(self.right.mean(axis=1))

    @cached_property
    def exact(self) -> Floats:
        """(N,): 1 where all labels were decided right, else 0."""
        return np.asarray(self.right.all(axis=1), dtype=np.float64)

    @cached_property
    def gaps(self) -> Gaps:
        """Of the probability of each label."""
        return Gaps.of_labels(self.probabilities, self.targets == 1)

    @property
    def finite(self) -> bool:
        return bool(np.isfinite(self.probabilities).all())

    def only(self, chosen: npt.NDArray[np.bool_]) -> "Outcome":
        """The outcome on some of the samples."""
        return Outcome(self.targets[chosen], self.probabilities[chosen], self.decisions[chosen])

    @cached_property
    def counts(self) -> tuple[Floats, Floats]:
        """TP and TP + FP + FN of each label, (L,) each."""
        both, either = overlap(self)
        return both.sum(axis=0), either.sum(axis=0)

    @cached_property
    def positives(self) -> Floats:
        """(L,) samples that have the label."""
        return np.asarray(self.targets.sum(axis=0), dtype=np.float64)


def overlap(outcome: Outcome) -> tuple[Floats, Floats]:
    """(N, L) each: 1 where a label is there and was decided; where it is there or was decided."""
    there, decided = outcome.targets == 1, outcome.decisions == 1
    return np.asarray(there & decided, dtype=np.float64), np.asarray(there | decided, dtype=np.float64)


def subset_accuracy(outcome: Outcome) -> float:
    """Share of samples whose labels were all decided right."""
    return float(outcome.exact.mean())


def hamming_loss(outcome: Outcome) -> float:
    """Share of wrong labels among all labels of all samples."""
    return float(1 - outcome.right.mean())


def micro_f1(outcome: Outcome) -> float:
    """2·TP / (2·TP + FP + FN), all counted over samples and labels."""
    both, either = (float(part.sum()) for part in outcome.counts)
    return 2 * both / (both + either) if either else float("nan")


def macro_f1(outcome: Outcome) -> float:
    """Mean over labels of F1."""
    return float(np.mean(f1_by_label(outcome)))


def f1_by_label(outcome: Outcome) -> Floats:
    """(L,); NaN where no sample has the label and none was given it."""
    both, either = outcome.counts
    return np.divide(2 * both, both + either, out=np.full_like(both, np.nan), where=either > 0)


def mean_average_precision(outcome: Outcome) -> float:
    """Mean over labels of average precision."""
    return float(np.mean(precision_by_label(outcome)))


def precision_by_label(outcome: Outcome) -> Floats:
    """(L,) average precision; NaN where no sample has the label."""
    curves = (
        ranked(outcome.probabilities[:, label], outcome.targets[:, label] == 1)
        for label in range(outcome.labels)
    )
    return np.array([curve.mean for curve in curves])


def ece(outcome: Outcome) -> float:
    """Mean over labels of the expected calibration error of the label's probability, in 15 equal bins."""
    return outcome.gaps.error
