"""Decisions of masks and of boxes: nothing is fitted, and the graph's own module makes answers of outputs."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import nn

from components.params.learning import SelectParams
from components.params.task import TaskParams
from components.problems.base import Array, Description, Fitted, Targets
from components.problems.windows import MeanAnswers


class Unfitted(MeanAnswers):
    """See components.problems.base.Decision for what each member promises."""

    scale = 1.0

    @classmethod
    def fit(
        cls,
        task: TaskParams,
        description: Description,
        outputs: Mapping[str, Array],
        targets: Mapping[str, Targets],
        select: SelectParams,
    ) -> Fitted:
        """Nothing is fitted."""
        return {"calibration": {"n": len(targets["calibration"])}}

    def module(self) -> nn.Module:
        raise NotImplementedError

    def answers(self, outputs: Array) -> Array:
        return np.asarray(self.module()(torch.from_numpy(np.asarray(outputs, dtype=np.float64))).numpy())
