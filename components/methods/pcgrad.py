"""PCGrad: where the gradients of two tasks conflict, each gives up what works against the other.

Yu, Kumar, Gupta, Levine, Hausman, Finn: Gradient Surgery for Multi-Task Learning, NeurIPS 2020, algorithm 1: with g_i
the gradient of task i by the parameters that tasks share,

    for each task i:                            g ← g_i
        for the other tasks j in random order:  where g · g_j < 0, g ← g - (g · g_j / ‖g_j‖²) g_j
    step:                                       Σ_i g

It is the g_j as they were that are projected on. What belongs to one task alone, a head, follows that task's gradient.
The order is drawn from (seed, step). It costs one backward pass a task.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from components.methods.multi_task import Column, MultiTask
from components.methods.objective import Shape, Step
from components.params.objectives import TasksParams

# Tells these numbers from those that the loop draws for (seed, epoch).
STREAM = 4


class PCGrad(MultiTask):
    """Answers 'how do tasks share a step?': without pulling against each other."""

    def __init__(self, params: TasksParams, shape: Shape, columns: Sequence[Column]) -> None:
        super().__init__(params, shape, columns)
        self._seed = shape.seed

    def forward(self, step: Step, main: Tensor) -> list[Tensor]:
        return [main, *(self.weight * loss for loss in self.losses(step))]

    def combine(self, step: Step, gradients: Tensor) -> Tensor:
        return surgery(gradients, np.random.default_rng([self._seed, step.number, STREAM]))


def surgery(gradients: Tensor, draw: np.random.Generator) -> Tensor:
    """(T, P) → (P,)."""
    # Squares of small float32 numbers vanish in float32, and one would divide by 0.
    each = gradients.double()
    squares = each.square().sum(1)
    total = torch.zeros_like(each[0])
    for own in range(len(each)):
        kept = each[own].clone()
        for other in draw.permutation([task for task in range(len(each)) if task != own]):
            overlap = kept @ each[other]
            if overlap < 0:
                kept -= overlap / squares[other] * each[other]
        total += kept
    return total.to(gradients.dtype)
