"""From logarithms of rates to rates, which are what is decided."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
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
from components.problems.windows import MeanAnswers

TOLERANCE = 1e-4  # share by which equal rates may differ


class Rates(nn.Module):
    """Outputs (B, 1) → factor · exp(outputs)."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, outputs: Tensor) -> Tensor:
        return torch.exp(outputs) * self.factor


class Decision(MeanAnswers):
    """See components.problems.base.Decision for what each member promises."""

    output = "rates"
    names = ("count",)
    columns = ("rate",)

    def __init__(self, task: TaskParams, description: Description, fitted: Fitted | None = None) -> None:
        self.fitted = fitted or {}
        self.meaning = lasting(description)
        self.scale = max(float(description["statistics"]["mean"]), 1.0)
        self._factor = float(self.fitted.get("factor", 1.0))
        if not 0 < self._factor < float("inf"):
            raise ValueError(f"factor is {self._factor}, not a number above 0")

    @classmethod
    def fit(
        cls,
        task: TaskParams,
        description: Description,
        outputs: Mapping[str, Array],
        targets: Mapping[str, Targets],
        select: SelectParams,
    ) -> Fitted:
        """A factor with which the rates of the calibration samples add up to their counts."""
        rates, held = np.exp(outputs["calibration"][:, 0]), targets["calibration"]
        return {"factor": float(held.sum() / rates.sum()), "calibration": {"n": len(held)}}

    @property
    def promises(self) -> Mapping[str, Any]:
        return {"names": list(self.names)}

    def module(self) -> nn.Module:
        return Rates(self._factor)

    def answers(self, outputs: Array) -> Array:
        return np.asarray(np.exp(np.asarray(outputs, dtype=np.float64)) * self._factor)

    def __call__(self, answers: npt.NDArray[Any]) -> Decisions:
        """(N, 1) → (N,)."""
        return np.asarray(answers, dtype=np.float64)[:, 0]

    def reordered(
        self, answers: npt.NDArray[Any], decisions: Decisions, names: Sequence[str]
    ) -> tuple[npt.NDArray[Any], Decisions]:
        """There is one number, and one order."""
        return answers, decisions

    def same(self, one: Decisions, other: Decisions) -> Mask:
        return np.asarray(np.abs(one - other) <= TOLERANCE * np.maximum(one, 1.0))

    def written(self, answers: npt.NDArray[Any]) -> Mapping[str, Column]:
        return {"rate": np.asarray(answers)[:, 0]}
