"""Several tasks on one trunk: what they tell the trunk about the samples shall help the main task.

Caruana: Multitask Learning, Machine Learning 28, 1997. An auxiliary task is a column of the manifest; its head is
linear on the main head's features f, starts at 0 (all values alike), and is not shipped. Over those n of a batch's
samples that have a value y in the column,

    L_k = 1/n Σ - log softmax(W_k f + b_k)_y

How the losses of all tasks share a step is said by `objectives.tasks.balance`, a file each.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from components.methods.objective import Shape, Step
from components.params.objectives import TasksParams

NO_VALUE = -1


@dataclass(frozen=True)
class Column:
    """An auxiliary task.

    Attributes:
        values: its classes.
        targets: (N,) int64, of each training sample; -1: it has none of the values.
    """

    name: str
    values: tuple[str, ...]
    targets: Tensor


class MultiTask(nn.Module):
    """The auxiliary heads, and how all tasks share a step; its parameters learn at the main head's rate."""

    def __init__(self, params: TasksParams, shape: Shape, columns: Sequence[Column]) -> None:
        super().__init__()
        self.weight = params.weight or 1.0
        self.heads = nn.ModuleList(_head(shape.width, len(column.values)) for column in columns)
        # No buffers: they belong to the data, and not into a checkpoint.
        self._targets = [column.targets for column in columns]

    def forward(self, step: Step, main: Tensor) -> Sequence[Tensor]:
        """Scalars that a step shall lower, given the main task's loss: one, or several for `combine`.

        The first is the main task's, or holds it.
        """
        raise NotImplementedError

    def combine(self, step: Step, gradients: Tensor) -> Tensor:
        """Gradients of several losses (T, P) by the parameters that they share → the step's (P,)."""
        raise NotImplementedError

    def losses(self, step: Step) -> list[Tensor]:
        """A scalar mean for each auxiliary task, in nats; 0 where no sample of the batch has a value."""
        return [
            _cross_entropy(head(step.features), targets[step.indices].to(step.features.device))
            for head, targets in zip(self.heads, self._targets, strict=True)
        ]


def _head(width: int, classes: int) -> nn.Linear:
    head = nn.Linear(width, classes)
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    return head


def _cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    total = F.cross_entropy(logits, targets, ignore_index=NO_VALUE, reduction="sum")
    return total / torch.count_nonzero(targets != NO_VALUE).clamp_min(1)
