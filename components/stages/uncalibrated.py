"""How good a head's outputs are before any calibration: what training, heads and selection compare."""

from typing import Any

import numpy.typing as npt

from components.evaluation.intervals import Metric
from components.params import Params
from components.problems import decision, judge
from components.problems.base import Array, Description, Targets


class Uncalibrated:
    """Metrics of outputs (N, …) for targets (N, …), as the problem decides without thresholds and temperatures."""

    def __init__(self, params: Params, description: Description) -> None:
        self._decision = decision(params.task, description)
        self._judge = judge(params.task, description)

    def metric(self, name: str) -> Metric[Any]:
        return self._judge.metrics[name]

    def value(self, name: str, outputs: Array, targets: Targets) -> float:
        """NaN where the metric is undefined."""
        answers: npt.NDArray[Any] = self._decision.answers(outputs)
        outcome = self._judge.outcome(targets, answers, self._decision(answers))
        return self.metric(name).of(outcome)
