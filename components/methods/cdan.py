"""CDAN+E: features and answers together, from which nobody can tell the domain.

Long, Cao, Wang, Jordan: Conditional Adversarial Domain Adaptation, NeurIPS 2018, sections 3.1 and 3.2: with f the
features, g the answer's probabilities, H its entropy, T their map, D the probability that a sample is of the target,
w = 1 + exp(-H(g)),

    - mean over the source w log(1 - D(T(f, g))) - mean over the target w log D(T(f, g))

    T(f, g) = f ⊗ g                         where width · classes ≤ 4096
    T(f, g) = 1/√d (R_f f) ⊙ (R_g g)        elsewhere; R random and fixed, of mean 0 and variance 1

The discriminator minimises it; the network, through a gradient that is turned round, maximises it in f and in g alike,
in the weights, too, because the paper's minimum is over both. (The authors' program lets no gradient through the g of
T.) The reversal grows as in `dann` (section 4.1).
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from components.methods.adversary import Discriminator, reverse, strength
from components.methods.objective import Objective, Shape, Step
from components.methods.probabilities import log_probabilities
from components.params.objectives import ObjectivesParams

# The paper's λ is 1; as in `dann`, that is too much here: 0.29 without, 0.31 with 0.1, 0.41 with 0.3, 0.25 with 1.
WEIGHT = 0.3
LARGEST = 4096  # of section 3.1
RANDOM = 1024  # d of the authors' program; the paper names none


class CDAN(Objective):
    """Answers 'what is added to the loss?': how well a discriminator tells the domains apart by features and answer."""

    whole_batch = False

    def __init__(self, params: ObjectivesParams, shape: Shape) -> None:
        super().__init__()
        self._weight = params.align_weight or WEIGHT
        self.map = _map(shape)
        self.discriminator = Discriminator(self.map.width, shape.seed)

    def forward(self, step: Step) -> Tensor:
        force = strength(step.progress)
        source = self._told(step.features, step.logits, force, 1)
        target = self._told(step.beside.features, step.beside.logits, force, -1)
        return self._weight * (source + target)

    def _told(self, features: Tensor, logits: Tensor, force: float, sign: int) -> Tensor:
        logs = log_probabilities(reverse(logits, force))
        answers = logs.exp()
        sure = 1 + (answers * logs).sum(1).exp()
        judged = self.discriminator(self.map(reverse(features, force), answers))
        return (sure * F.softplus(sign * judged)).mean()


class Outer(nn.Module):
    """(n, width), (n, classes) → (n, width · classes): all products."""

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.width = width * classes

    def forward(self, features: Tensor, answers: Tensor) -> Tensor:
        return (features[:, :, None] * answers[:, None, :]).flatten(1)


class RandomProducts(nn.Module):
    """(n, width), (n, classes) → (n, d), whose inner products are in the mean those of `Outer`."""

    of_features: Tensor
    of_answers: Tensor

    def __init__(self, width: int, classes: int, seed: int) -> None:
        super().__init__()
        self.width = RANDOM
        draw = torch.Generator().manual_seed(seed)
        # Not persistent: they follow from the seed.
        self.register_buffer("of_features", torch.randn(width, RANDOM, generator=draw), persistent=False)
        self.register_buffer("of_answers", torch.randn(classes, RANDOM, generator=draw), persistent=False)

    def forward(self, features: Tensor, answers: Tensor) -> Tensor:
        return (features @ self.of_features) * (answers @ self.of_answers) / math.sqrt(RANDOM)


def _map(shape: Shape) -> Outer | RandomProducts:
    if shape.width * shape.classes <= LARGEST:
        return Outer(shape.width, shape.classes)
    return RandomProducts(shape.width, shape.classes, shape.seed)
