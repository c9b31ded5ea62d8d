"""How good a head's outputs are before any calibration: what training, heads and selection compare."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from components.errors import TrainingError
from components.evaluation.intervals import Metric
from components.problems.base import Array, Decision, Judge, Targets


class Uncalibrated:
    """Metrics of outputs (N, …) for targets (N, …), as the problem decides without thresholds and temperatures."""

    def __init__(self, decision: Decision, judge: Judge) -> None:
        self._decision, self._judge = decision, judge

    def metric(self, name: str) -> Metric[Any]:
        return self._judge.metrics[name]

    def value(self, name: str, outputs: Array, targets: Targets) -> float:
        """NaN where the metric is undefined."""
        answers: npt.NDArray[Any] = self._decision.answers(outputs)
        outcome = self._judge.outcome(targets, answers, self._decision(answers))
        return self.metric(name).of(outcome)


def best(key: str, metric: str, scores: Sequence[float], losses: Sequence[float] | None = None) -> int:
    """Which of several candidates has the highest score; NaN loses against any. A tie goes to the lower loss, and else
    to the first.

    Args:
        key: of params.yaml, which names the metric.
        scores: as `Metric.signed` turns them: more is better.

    Raises:
        TrainingError: no score is a number.
    """
    told = [place for place, score in enumerate(scores) if np.isfinite(score)]
    if not told:
        raise TrainingError(
            f"{key}: {metric} is not a number for any of {len(scores)} candidates: the validation samples leave it "
            "undefined, or outputs are not finite.",
            f"Set {key} to another metric, or give the validation split more samples.",
        )
    worse = np.nan_to_num(np.zeros(len(scores)) if losses is None else losses, nan=np.inf)
    return max(told, key=lambda place: (scores[place], -worse[place]))


def known(score: float) -> float | None:
    """As JSON has it: None where it is not a number."""
    return score if np.isfinite(score) else None
