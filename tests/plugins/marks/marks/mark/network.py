"""A linear head with an output for each position of a row, and cross-entropy."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn, ones_like
from torch.nn import functional as F

from components.errors import DataError, ParamsError
from components.params.task import TaskParams
from components.problems.base import NONE, Array, Description, Link, Targets
from marks.mark.params import MarkParams


class Network:
    """See components.problems.base.Network for what each member promises."""

    link: Link = "sigmoid"

    def __init__(self, task: TaskParams, description: Description) -> None:
        self.outputs = task.options(MarkParams).length

    def collate(self, targets: Targets) -> npt.NDArray[Any]:
        """(N, length) float32: 1 where there is a mark, also throughout where nothing is known: 0."""
        found = np.zeros((len(targets), self.outputs), dtype=np.float32)
        for row, marks in zip(found, targets, strict=True):
            if marks is not None and len(marks):
                if marks[-1] >= self.outputs:
                    raise DataError(f"Position {marks[-1]} is marked; a row has {self.outputs}.")
                row[marks] = 1
        return found

    def head(self, width: int, channels: Mapping[str, int] = NONE) -> nn.Module:
        return nn.Linear(width, self.outputs)

    def loss(self, outputs: Tensor, targets: Tensor, label_smoothing: float = 0.0) -> tuple[Tensor, Tensor]:
        """(B, length) twice → sums over positions, and how many these are."""
        if label_smoothing:
            raise ParamsError("tune.label_smoothing is for classes.", "Set it to 0 with task.problem: mark.")
        each = F.binary_cross_entropy_with_logits(outputs, targets.to(outputs.dtype), reduction="none")
        return each.sum(dim=1), ones_like(each).sum(dim=1)

    def columns(self, targets: Targets) -> Array:
        return np.asarray(self.collate(targets), dtype=np.float64)

    def scores(self, outputs: Tensor, targets: Tensor) -> Mapping[str, Tensor]:
        return {"positions": ((outputs > 0) == (targets > 0.5)).to(outputs.dtype).mean(dim=1)}
