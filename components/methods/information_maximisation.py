"""Information maximisation: answers to unlabelled samples shall be sure each, and varied together.

Liang, Hu, Feng: Do We Really Need to Access the Source Data? Source Hypothesis Transfer for Unsupervised Domain
Adaptation, ICML 2020 (SHOT-IM), eq. 2; as a criterion for classifiers, Bridle et al., NIPS 1991: with p the
probabilities of an unlabelled sample, p̄ their mean over the batch, and H the entropy,

    mean H(p) - H(p̄)

H(p̄) forbids what entropy alone falls into: one class for everything. It asks for classes that are equally frequent,
which a batch of few samples of many classes cannot show. The paper trains the features alone, and holds the head still;
here both learn, with the source's labels beside them.
"""

import math

from torch import Tensor

from components.methods.objective import Objective, Shape, Step
from components.methods.probabilities import log_probabilities
from components.params.objectives import ObjectivesParams

WEIGHT = 1.0  # the paper's: its loss is nothing else


class InformationMaximisation(Objective):
    """Answers 'what is added to the loss?': doubt about unlabelled samples, less the variety of the answers."""

    def __init__(self, params: ObjectivesParams, shape: Shape) -> None:
        super().__init__()
        self._weight = params.confident_weight or WEIGHT

    def forward(self, step: Step) -> Tensor:
        return self._weight * information_loss(step.beside.logits)


def information_loss(logits: Tensor) -> Tensor:
    """Scalar, in nats, -log classes to 0, of logits (n, classes)."""
    logs = log_probabilities(logits)
    doubt = -(logs.exp() * logs).sum(1).mean()
    together = logs.logsumexp(0) - math.log(len(logits))
    return doubt + (together.exp() * together).sum()
