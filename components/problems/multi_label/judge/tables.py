"""Tables for plots: what each label is like, calibration, and a curve of precision and recall."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from components.evaluation import calibration_error
from components.evaluation.ranking import ranked
from components.evaluation.spread import Floats
from components.problems.multi_label.judge.metrics import Outcome

MAX_POINTS = 200
Rows = Sequence[Sequence[object]]


def by_label(outcome: Outcome, names: Sequence[str], f1: Floats, precision: Floats) -> Rows:
    """A row a label: samples that have it, were given it, both; precision, recall, F1, average precision."""
    both, _ = outcome.counts
    decided = outcome.decisions.sum(axis=0)
    return [
        (
            name,
            int(outcome.positives[i]),
            int(decided[i]),
            int(both[i]),
            _share(both[i], decided[i]),
            _share(both[i], outcome.positives[i]),
            _number(f1[i]),
            _number(precision[i]),
        )
        for i, name in enumerate(names)
    ]


def reliability(outcome: Outcome) -> Rows:
    """(mean probability, share that have the label, count) of 15 equal bins of probabilities, all labels together."""
    probabilities, there = outcome.probabilities.ravel(), outcome.targets.ravel() == 1
    known = np.isfinite(probabilities)
    return calibration_error.reliability(probabilities[known], there[known])


def precision_recall(scores: Floats, positive: npt.NDArray[np.bool_]) -> Rows:
    """(recall, precision) of falling scores, at most 200 points, both ends included; none without positives."""
    if not positive.any():
        return []
    curve = ranked(scores, positive)
    recall, precision = curve.true / curve.hits.sum(), curve.true / curve.predicted
    kept = np.unique(np.linspace(0, len(recall) - 1, min(MAX_POINTS, len(recall))).astype(np.int64))
    return [(float(recall[i]), float(precision[i])) for i in kept]


def _share(part: float, whole: float) -> float | None:
    return float(part / whole) if whole else None


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
