"""A position is marked where its probability, the mean of the windows that show it, is at least the threshold."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy.special import expit
from torch import Tensor, nn

from components.params.learning import SelectParams
from components.params.task import TaskParams
from components.problems.base import (
    Array,
    Column,
    Decisions,
    Description,
    Fitted,
    Mask,
    Targets,
)
from components.problems.description import lasting
from components.problems.windows import RowAnswers, Window
from marks.mark.network import Network
from marks.mark.params import MarkParams
from marks.mark.target import ragged

EVEN = 0.5


class Sigmoid(nn.Module):
    """Outputs (B, length) → probabilities."""

    def forward(self, outputs: Tensor) -> Tensor:
        return torch.sigmoid(outputs)


class Decision(RowAnswers):
    """See components.problems.base.Decision for what each member promises."""

    output = "probabilities"
    scale = 1.0
    ragged = True

    def __init__(self, task: TaskParams, description: Description, fitted: Fitted | None = None) -> None:
        self.names = tuple(str(position) for position in range(task.options(MarkParams).length))
        self.columns = tuple(f"p.{name}" for name in self.names)
        self.fitted = fitted or {}
        self.meaning = lasting(description)
        self._threshold = float(self.fitted.get("threshold", EVEN))
        if not 0 < self._threshold < 1:
            raise ValueError(f"threshold is {self._threshold}, not between 0 and 1")

    @classmethod
    def fit(
        cls,
        task: TaskParams,
        description: Description,
        outputs: Mapping[str, Array],
        targets: Mapping[str, Targets],
        select: SelectParams,
    ) -> Fitted:
        """The threshold with the best F1 on validation rows; of several the one nearest to a half."""
        shares = expit(outputs["validation"])
        marked = Network(task, description).collate(targets["validation"]) > EVEN

        def f1(threshold: float) -> float:
            decided = shares >= threshold
            return float(2 * (decided & marked).sum() / max(decided.sum() + marked.sum(), 1))

        steps = [round(0.05 * step, 2) for step in range(1, 20)]
        best = max(steps, key=lambda threshold: (f1(threshold), -abs(threshold - EVEN)))
        return {"threshold": best, "calibration": {"n": len(targets["calibration"])}}

    @property
    def promises(self) -> Mapping[str, Any]:
        return {"threshold": self._threshold}

    def module(self) -> nn.Module:
        return Sigmoid()

    def answers(self, outputs: Array) -> Array:
        return np.asarray(expit(np.asarray(outputs, dtype=np.float64)))

    def merge(self, answers: npt.NDArray[Any], windows: Sequence[Window]) -> npt.NDArray[Any]:
        """(windows, length) → (bytes of the sample,)."""
        total = np.zeros(windows[-1].stop[0], dtype=answers.dtype)
        shown = np.zeros(len(total), dtype=answers.dtype)
        for row, window in zip(answers, windows, strict=True):
            part = slice(window.start[0], window.stop[0])
            total[part] += row[: window.stop[0] - window.start[0]]
            shown[part] += 1
        return np.asarray(total / shown)

    def __call__(self, answers: npt.NDArray[Any]) -> Decisions:
        return ragged([np.flatnonzero(row >= self._threshold) for row in answers])

    def reordered(
        self, answers: npt.NDArray[Any], decisions: Decisions, names: Sequence[str]
    ) -> tuple[npt.NDArray[Any], Decisions]:
        """Positions have one order."""
        return answers, decisions

    def same(self, one: Decisions, other: Decisions) -> Mask:
        return np.array([np.array_equal(a, b) for a, b in zip(one, other, strict=True)], dtype=bool)

    def written(self, answers: npt.NDArray[Any]) -> Mapping[str, Column]:
        return {"positions": list(self(answers)), "p": list(answers)}
