"""A linear head and binary cross-entropy for each label."""

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

    link: Link = "sigmoid"

    def __init__(self, task: TaskParams, description: Description) -> None:
        self.outputs = len(description["labels"])

    def head(self, width: int, channels: Mapping[str, int] = NONE) -> nn.Module:
        return nn.Linear(width, self.outputs)

    def loss(self, outputs: Tensor, targets: Tensor, label_smoothing: float = 0.0) -> tuple[Tensor, Tensor]:
        """Binary cross-entropy of logits (B, L) and 0 or 1 (B, L), a term for each label.

        Smoothing draws both targets towards 1/2, as Szegedy et al. (2016), section 7, for two classes.
        """
        wanted = targets.to(outputs.dtype) * (1 - label_smoothing) + label_smoothing / 2
        each = F.binary_cross_entropy_with_logits(outputs, wanted, reduction="none").sum(dim=1)
        return each, each.new_full((len(each),), float(self.outputs))

    def columns(self, targets: Targets) -> Array:
        """0 or 1 for each label."""
        if targets.shape[1:] != (self.outputs,) or not np.isin(targets, (0, 1)).all():
            raise DataError(f"A head needs 0 or 1 for each of {self.outputs} labels.")
        return np.asarray(targets, dtype=np.float64)

    def scores(self, outputs: Tensor, targets: Tensor) -> Mapping[str, Tensor]:
        right = (outputs >= 0) == (targets == 1)
        return {"subset_accuracy": right.all(dim=1).to(outputs.dtype)}
