"""Pseudo-labels: what the network is sure of counts as a label.

Lee: Pseudo-Label, ICML 2013 workshops, eq. 15 and 16, with the threshold of Sohn et al.: FixMatch, NeurIPS 2020, eq. 4:
with p the answer to one of U unlabelled samples and ŷ = argmax p,

    α(t) 1/U Σ 1[max p ≥ 0.95] (- log p_ŷ),      α rises from 0 to its full value between 10 % and 60 % of the training

The label and whether it is believed are taken as given; the gradient goes through log p_ŷ alone. The samples that are
not believed count in U: the surer the network, the more this term says. Labels that a poor network believes make it
worse, and no loss shows it: watch the accuracy on labelled data of the target.
"""

from torch import Tensor
from torch.nn import functional as F

from components.methods.objective import Objective, Shape, Step
from components.params.objectives import ObjectivesParams

WEIGHT = 1.0  # FixMatch's λ; Lee, without a threshold, has 3
THRESHOLD = 0.95
RISE = (0.1, 0.6)  # Lee: from epoch 100 to 600


class PseudoLabels(Objective):
    """Answers 'what is added to the loss?': the cross-entropy with the network's own sure answers."""

    whole_batch = False

    def __init__(self, params: ObjectivesParams, shape: Shape) -> None:
        super().__init__()
        self._weight = params.confident_weight or WEIGHT

    def forward(self, step: Step) -> Tensor:
        return self._weight * ramp(step.progress) * self_training(step.beside.logits)


def self_training(logits: Tensor) -> Tensor:
    """Scalar, in nats, of logits (n, classes)."""
    confidence, labels = logits.detach().softmax(1).max(1)
    each = F.cross_entropy(logits, labels, reduction="none")
    return (each * (confidence >= THRESHOLD)).mean()


def ramp(progress: float) -> float:
    """Share of the full weight at a progress of 0 to 1."""
    first, last = RISE
    return min(max((progress - first) / (last - first), 0.0), 1.0)
