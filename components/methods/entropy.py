"""Entropy minimisation: answers to unlabelled samples shall be sure.

Grandvalet & Bengio: Semi-supervised Learning by Entropy Minimization, NIPS 2004, eq. 6: with p the answer's
probabilities, the mean over the unlabelled batch of

    H(p) = - Σ_c p_c log p_c
"""

from torch import Tensor

from components.methods.objective import Objective, Shape, Step
from components.methods.probabilities import log_probabilities
from components.params.objectives import ObjectivesParams

WEIGHT = 0.1


class Entropy(Objective):
    """Answers 'what is added to the loss?': doubt about unlabelled samples."""

    whole_batch = False

    def __init__(self, params: ObjectivesParams, shape: Shape) -> None:
        super().__init__()
        self._weight = params.confident_weight or WEIGHT

    def forward(self, step: Step) -> Tensor:
        return self._weight * entropy(step.beside.logits)


def entropy(logits: Tensor) -> Tensor:
    """Scalar mean, in nats, of logits (n, classes)."""
    logs = log_probabilities(logits)
    return -(logs.exp() * logs).sum(1).mean()
