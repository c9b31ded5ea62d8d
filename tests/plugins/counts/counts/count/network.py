"""A linear head that gives the logarithm of a rate, and the Poisson distribution's loss."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from components.errors import ParamsError
from components.params.task import TaskParams
from components.problems.base import NONE, Array, Description, Link, Targets
from components.problems.windows import PlainTargets


class Network(PlainTargets):
    """See components.problems.base.Network for what each member promises."""

    outputs = 1
    link: Link = "identity"

    def __init__(self, task: TaskParams, description: Description) -> None:
        self._mean = float(description["statistics"]["mean"])

    def head(self, width: int, channels: Mapping[str, int] = NONE) -> nn.Module:
        """Starts at the mean of the training samples."""
        made = nn.Linear(width, 1)
        with torch.no_grad():
            made.bias.fill_(float(np.log(self._mean)))
        return made

    def loss(self, outputs: Tensor, targets: Tensor, label_smoothing: float = 0.0) -> tuple[Tensor, Tensor]:
        """rate - count · log rate, less what does not depend on the rate; (B, 1), (B,) → (B,) twice."""
        if label_smoothing:
            raise ParamsError("tune.label_smoothing is for classes.", "Set it to 0 with task.problem: count.")
        logs = outputs[:, 0]
        each = F.poisson_nll_loss(logs, targets.to(logs.dtype), log_input=True, reduction="none")
        return each, torch.ones_like(each)

    def columns(self, targets: Targets) -> Array:
        """log(count + 1/2), (N, 1): 0 has no logarithm."""
        return np.log(np.asarray(targets, dtype=np.float64) + 0.5)[:, None]

    def scores(self, outputs: Tensor, targets: Tensor) -> Mapping[str, Tensor]:
        """Both metrics are means over samples."""
        rates, held = outputs[:, 0].exp(), targets.to(outputs.dtype)
        deviance = 2 * (torch.xlogy(held, held / rates) - held + rates)
        return {"deviance": deviance, "mae": (rates - held).abs()}
