"""A linear head that gives numbers in the target's unit, and losses of standardised differences."""

from collections.abc import Mapping, Sequence
from statistics import NormalDist

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from components.errors import DataError, ParamsError
from components.params.task import TaskParams
from components.problems.base import NONE, Array, Description, Link, Targets
from components.problems.regression.params import RegressionParams
from components.problems.regression.target.numbers import Numbers
from components.problems.windows import PlainTargets


class Head(nn.Module):
    """mean + scale · (W x + b): (B, width) → (B, outputs). Mean and scale are kept with the weights."""

    def __init__(self, width: int, mean: Array, scale: Array) -> None:
        super().__init__()
        self.linear = nn.Linear(width, len(mean))
        self.register_buffer("mean", torch.from_numpy(mean).float())
        self.register_buffer("scale", torch.from_numpy(scale).float())

    def forward(self, features: Tensor) -> Tensor:
        numbers: Tensor = self.get_buffer("mean") + self.get_buffer("scale") * self.linear(features)
        return numbers


class Network(PlainTargets):
    """See components.problems.base.Network for what each member promises.

    Outputs are k predictions; with `loss: quantile` the medians, then k lower and k upper quantiles.
    """

    link: Link = "identity"

    def __init__(self, task: TaskParams, description: Description) -> None:
        options = task.options(RegressionParams)
        self._numbers, self._loss = Numbers.of(description), options.loss
        tails = ((1 - options.coverage) / 2, (1 + options.coverage) / 2)
        self._levels = (0.5, *tails) if options.loss == "quantile" else (0.5,)
        self.outputs = len(self._levels) * len(self._numbers)

    def head(self, width: int, channels: Mapping[str, int] = NONE) -> nn.Module:
        numbers, copies = self._numbers, len(self._levels)
        made = Head(width, np.tile(numbers.mean, copies), np.tile(numbers.scale, copies))
        # Quantiles begin where those of a normal distribution lie: none has to cross another to get there.
        shifts = np.repeat([NormalDist().inv_cdf(level) for level in self._levels], len(numbers))
        with torch.no_grad():
            made.linear.bias.add_(torch.from_numpy(shifts).float())
        return made

    def loss(self, outputs: Tensor, targets: Tensor, label_smoothing: float = 0.0) -> tuple[Tensor, Tensor]:
        """Outputs (B, outputs), targets (B, k), NaN where unknown; a sample's terms are its known numbers."""
        if label_smoothing:
            raise ParamsError(
                "tune.label_smoothing is for classes.", "Set it to 0 with task.problem: regression."
            )
        known = torch.isfinite(targets)
        scale = outputs.new_tensor(self._numbers.scale)
        aims = torch.where(known, targets.to(outputs.dtype), 0.0)
        blocks = outputs.view(len(outputs), len(self._levels), -1)
        differences = (aims[:, None] - blocks) / scale  # (B, levels, k)
        each = torch.where(known, self._each(differences), 0.0)
        return each.sum(1), known.sum(1).to(each.dtype)

    def _each(self, differences: Tensor) -> Tensor:
        """(B, levels, k) → (B, k)."""
        if self._loss == "quantile":
            return pinball(differences, self._levels).mean(1)
        only = differences[:, 0]
        if self._loss == "mse":
            return only.square()
        if self._loss == "mae":
            return only.abs()
        return F.huber_loss(only, torch.zeros_like(only), reduction="none", delta=1.0)

    def columns(self, targets: Targets) -> Array:
        """The numbers, (N, k); for quantiles three times: least squares aims at the mean with each."""
        if not np.isfinite(targets).all():
            raise DataError("A head needs targets that are finite numbers.")
        return np.tile(np.asarray(targets, dtype=np.float64), (1, len(self._levels)))

    def scores(self, outputs: Tensor, targets: Tensor) -> Mapping[str, Tensor]:
        """Absolute error: of one number in its unit, of several the mean in standard deviations of each."""
        unit = outputs.new_tensor(self._numbers.unit)
        errors = (outputs[:, : len(self._numbers)] - targets.to(outputs.dtype)) / unit
        return {"mae": errors.abs().mean(1)}


def pinball(differences: Tensor, levels: Sequence[float]) -> Tensor:
    """Target minus quantile, (B, levels, k) → losses of the same shape (Koenker & Bassett, Econometrica 1978)."""
    tau = differences.new_tensor(levels)[:, None]
    return torch.maximum(tau * differences, (tau - 1) * differences)
