"""A linear head and cross-entropy."""

from collections.abc import Mapping

import numpy as np
from torch import Tensor, nn
from torch.nn import functional as F

from components.errors import DataError
from components.params.task import TaskParams
from components.problems.base import NONE, Array, Description, Link, Targets
from components.problems.windows import PlainTargets


class Network(PlainTargets):
    """See components.problems.base.Network for what each member promises."""

    link: Link = "softmax"

    def __init__(self, task: TaskParams, description: Description) -> None:
        self.outputs = len(description["classes"])

    def head(self, width: int, channels: Mapping[str, int] = NONE) -> nn.Module:
        return nn.Linear(width, self.outputs)

    def loss(self, outputs: Tensor, targets: Tensor, label_smoothing: float = 0.0) -> tuple[Tensor, Tensor]:
        """Cross-entropy of logits (B, C) and class indices (B,). Smoothing: Szegedy et al. (2016), section 7."""
        each = F.cross_entropy(outputs, targets, label_smoothing=label_smoothing, reduction="none")
        return each, each.new_ones(len(each))

    def columns(self, targets: Targets) -> Array:
        """1 at the target, else 0."""
        if len(targets) and not 0 <= targets.min() <= targets.max() < self.outputs:
            raise DataError(f"A head needs targets from 0 to {self.outputs - 1}.")
        return np.asarray(np.eye(self.outputs)[targets])

    def scores(self, outputs: Tensor, targets: Tensor) -> Mapping[str, Tensor]:
        return {"accuracy": (outputs.argmax(1) == targets).to(outputs.dtype)}
