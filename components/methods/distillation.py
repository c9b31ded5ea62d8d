"""Distillation: the answers of the network that training started from are kept.

Li & Hoiem: Learning without Forgetting, ECCV 2016 (TPAMI 2018), eq. 2 and 3: with z⁰ the logits of a frozen copy of the
start, z those of the network, T = 2, the mean over the labelled batch of

    - Σ_c y⁰_c log y_c,      y⁰ = softmax(z⁰ / T),   y = softmax(z / T)

(y^(1/T) / Σ y^(1/T), as the paper writes it, is softmax(z / T).) The samples are those that are learned from now, as
in the paper; the source's own are not needed. The paper has no factor T² (Hinton et al., 2015, have).
"""

from collections.abc import Callable

import torch
from torch import Tensor

from components.methods.objective import Objective, Shape, Start, Step
from components.methods.samples import Inputs
from components.params.objectives import ObjectivesParams

WEIGHT = 1.0  # λ_o of section 3
TEMPERATURE = 2.0


class Distillation(Objective):
    """Answers 'what is added to the loss?': how far the answers are from those at the start."""

    whole_batch = False

    def __init__(self, params: ObjectivesParams, shape: Shape) -> None:
        super().__init__()
        self._weight = params.keep_weight or WEIGHT
        self._answer: Callable[[Inputs], Tensor] | None = None

    def begin(self, start: Start) -> None:
        # Its call and not the copy itself, which would become a part of the network and of its checkpoints.
        self._answer = start.network.copied().__call__

    def forward(self, step: Step) -> Tensor:
        assert self._answer is not None, "the loop begins every objective"
        with torch.no_grad():
            old = self._answer(step.inputs)
        return self._weight * distillation(step.logits, old)


def distillation(logits: Tensor, old: Tensor) -> Tensor:
    """Scalar mean, in nats, of logits (n, classes)."""
    kept = (old.float() / TEMPERATURE).softmax(1)
    each = kept * (logits / TEMPERATURE).log_softmax(1)
    # A class that cannot be, at the start and now, has 0 · -∞; one that cannot be now alone costs ∞.
    return -torch.where(kept > 0, each, 0).sum(1).mean()
