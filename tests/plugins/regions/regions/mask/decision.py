"""A pixel is of the class with the largest probability."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from components.params.task import TaskParams
from components.problems.base import Column, Decisions, Description, Fitted, Mask
from components.problems.description import lasting
from regions import SIDE
from regions.unfitted import Unfitted


class Softmax(nn.Module):
    """Outputs (B, regions · pixels) → probabilities (B, regions, height, width)."""

    def __init__(self, regions: int) -> None:
        super().__init__()
        self._shape = (regions, SIDE, SIDE)

    def forward(self, outputs: Tensor) -> Tensor:
        return torch.softmax(outputs.unflatten(1, self._shape), dim=1)


class Decision(Unfitted):
    """See components.problems.base.Decision for what each member promises.

    Decisions are (N, height, width) uint8.
    """

    output = "probabilities"
    axes = (SIDE, SIDE)

    def __init__(self, task: TaskParams, description: Description, fitted: Fitted | None = None) -> None:
        self.names = tuple(description["regions"])
        self.columns = tuple(f"p.{name}" for name in self.names)
        self.fitted = fitted or {}
        self.meaning = lasting(description, "regions")

    @property
    def promises(self) -> Mapping[str, Any]:
        return {"regions": list(self.names)}

    def module(self) -> nn.Module:
        return Softmax(len(self.names))

    def __call__(self, answers: npt.NDArray[Any]) -> Decisions:
        return answers.argmax(axis=1).astype(np.uint8)

    def reordered(
        self, answers: npt.NDArray[Any], decisions: Decisions, names: Sequence[str]
    ) -> tuple[npt.NDArray[Any], Decisions]:
        places = [self.names.index(name) for name in names]
        return answers[:, places], np.argsort(places).astype(np.uint8)[decisions]

    def same(self, one: Decisions, other: Decisions) -> Mask:
        return np.asarray((one == other).all(axis=(1, 2)))

    def written(self, answers: npt.NDArray[Any]) -> Mapping[str, Column]:
        return {"mask": list(self(answers).reshape(len(answers), -1))}
