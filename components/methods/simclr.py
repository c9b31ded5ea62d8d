"""SimCLR: two views of one picture are more alike than views of two pictures.

Chen, Kornblith, Norouzi, Hinton: A Simple Framework for Contrastive Learning of Visual Representations, ICML 2020,
eq. 1 (NT-Xent): of n pictures there are 2n views; with i, j views of the same picture, h what the backbone says, and
sim(u, v) = uᵀv / ‖u‖‖v‖,

    l(i, j) = - log exp(sim(z_i, z_j) / τ) / Σ_{k ≠ i} exp(sim(z_i, z_k) / τ),      z = W₂ relu(W₁ h)

averaged over all 2n ordered pairs. That is cross-entropy: the logits of view i are its similarities to the other views
of the batch, its target is the place of j. The projection (section 4.2) is thrown away with the head.

Unlike the paper, which draws new views in each step, views are those of the task (`augment.views` of them, cached at
the cut), so pairs repeat after views · (views - 1) epochs. And batches are small where the paper's hold thousands; it
measured that fewer negatives cost less the longer training is (figure 9).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from components.methods.pretraining import Given, Posed, Pretraining, seeded
from components.methods.samples import Asked, Indices, Inputs, Samples, joined


class SimCLR(Pretraining):
    """Answers 'what is learned beforehand?': what does not change between views."""

    paired = True

    def pose(self, given: Given) -> Posed:
        width, out = given.width, self._params.projection
        projection = seeded(
            given.seed, lambda: nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, out))
        )
        train, validation = (Pairs(samples, given.views) for samples in (given.train, given.validation))
        head = nn.Sequential(projection, Similarities(self._params.temperature))
        return Posed(train, validation, head)


class Pairs(Asked):
    """One view of each sample of a batch, then another view of each: (B, …) becomes (2B, …)."""

    def __init__(self, samples: Samples, views: int) -> None:
        super().__init__(samples)
        self._views = views

    def take(self, indices: Indices, epoch: int) -> Inputs:
        return joined(*(self._samples.take(indices, view) for view in self.pair(epoch)))

    def expected(self, indices: Indices, epoch: int) -> Tensor:
        """The partner's place."""
        return torch.arange(2 * len(indices)).roll(len(indices))

    def pair(self, epoch: int) -> tuple[int, int]:
        """Two different views; all ordered pairs come before one comes again."""
        first = epoch % self._views
        return first, (first + 1 + epoch // self._views % (self._views - 1)) % self._views


class Similarities(nn.Module):
    """(2B, d) → (2B, 2B): cosines over the temperature; none to itself."""

    def __init__(self, temperature: float) -> None:
        super().__init__()
        self._temperature = temperature

    def forward(self, projections: Tensor) -> Tensor:
        unit = F.normalize(projections, dim=1)
        itself = torch.eye(len(unit), dtype=torch.bool, device=unit.device)
        return (unit @ unit.T / self._temperature).masked_fill(itself, -torch.inf)
