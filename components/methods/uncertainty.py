"""Uncertainty weighting: the surer a task can be, the more it counts.

Kendall, Gal, Cipolla: Multi-Task Learning Using Uncertainty to Weigh Losses for Scene Geometry and Semantics, CVPR
2018, eq. 10 for classification tasks: with L_0 the main task's loss, L_k the others', σ_k² the noise of task k, and
s_k = log σ_k² learned with the network,

    Σ_k exp(-s_k) L_k + s_k / 2

It starts at s = 0, with the plain sum. Left alone, s_k settles where exp(-s_k) = 1 / (2 L_k): a task whose loss gets
small counts ever more. (Programs that write s_k instead of s_k / 2 take the regression's balance for both kinds.)
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from components.methods.multi_task import Column, MultiTask
from components.methods.objective import Shape, Step
from components.params.objectives import TasksParams


class Uncertainty(MultiTask):
    """Answers 'how do tasks share a step?': by a weight that each of them learns."""

    def __init__(self, params: TasksParams, shape: Shape, columns: Sequence[Column]) -> None:
        super().__init__(params, shape, columns)
        self.log_variances = nn.Parameter(torch.zeros(1 + len(columns)))

    def forward(self, step: Step, main: Tensor) -> list[Tensor]:
        return [weighted(torch.stack([main, *self.losses(step)]), self.log_variances)]


def weighted(losses: Tensor, log_variances: Tensor) -> Tensor:
    """Scalar, of (T,) and (T,)."""
    return ((-log_variances).exp() * losses + log_variances / 2).sum()
