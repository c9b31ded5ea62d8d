"""MCC: answers to unlabelled samples shall not confuse classes.

Jin, Wang, Long, Wang: Minimum Class Confusion for Versatile Domain Adaptation, ECCV 2020, section 3: with Z the logits
of a batch of B unlabelled samples, T = 2.5, H the entropy of a row,

    Ŷ = softmax(Z / T)                                   probability rescaling
    W_ii = B (1 + exp(-H(ŷ_i))) / Σ_i' (1 + exp(-H(ŷ_i')))  uncertainty reweighting
    C = Ŷᵀ W Ŷ                                           confusion of classes
    C̃_jj' = C_jj' / Σ_j'' C_jj''                          category normalisation

    1 / classes Σ_j Σ_{j'≠j} C̃_jj'

A sample's weight is a weight: no gradient goes through W. (The paper is silent; its authors' program does the same.)
"""

import torch
from torch import Tensor

from components.methods.objective import Objective, Shape, Step
from components.methods.probabilities import log_probabilities
from components.params.objectives import ObjectivesParams

WEIGHT = 1.0  # the paper's μ
TEMPERATURE = 2.5


class MCC(Objective):
    """Answers 'what is added to the loss?': how much the answers confuse classes."""

    def __init__(self, params: ObjectivesParams, shape: Shape) -> None:
        super().__init__()
        self._weight = params.confident_weight or WEIGHT

    def forward(self, step: Step) -> Tensor:
        return self._weight * class_confusion(step.beside.logits)


def class_confusion(logits: Tensor) -> Tensor:
    """Scalar, 0 to 1, of logits (n, classes)."""
    logs = log_probabilities(logits / TEMPERATURE)
    answers = logs.exp()
    with torch.no_grad():
        sure = 1 + (answers * logs).sum(1).exp()
        weights = sure / sure.mean()
    confusion = answers.T @ (weights[:, None] * answers)
    # A class that no answer gives any chance would divide 0 by 0.
    shares = confusion / confusion.sum(1, keepdim=True).clamp_min(torch.finfo(confusion.dtype).tiny)
    return (shares.sum() - shares.trace()) / len(shares)
