"""What adversarial alignment shares: a gradient that is turned round, and who tells the domains apart.

Ganin et al.: Domain-Adversarial Training of Neural Networks, JMLR 17, 2016.
"""

import math

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx

# Between the paper's discriminators for digits (100) and for photographs (1024): a transfer brings few samples.
HIDDEN = 256
STEEPNESS = 10.0


class _Reversed(FunctionCtx):
    coefficient: float


class GradientReversal(torch.autograd.Function):
    """R(x) = x, dR/dx = -λ I (section 4.2)."""

    @staticmethod
    def forward(ctx: _Reversed, inputs: Tensor, coefficient: float) -> Tensor:
        ctx.coefficient = coefficient
        return inputs.view_as(inputs)

    @staticmethod
    def backward(ctx: _Reversed, gradient: Tensor) -> tuple[Tensor, None]:
        return -ctx.coefficient * gradient, None


def reverse(inputs: Tensor, coefficient: float) -> Tensor:
    """The inputs themselves; what learns behind them learns the opposite, `coefficient` times as fast."""
    turned: Tensor = GradientReversal.apply(inputs, coefficient)  # type: ignore[no-untyped-call]
    return turned


def strength(progress: float) -> float:
    """λ_p = 2 / (1 + exp(-10 p)) - 1 (section 5.2): a discriminator that knows nothing yet shall teach nothing."""
    return 2 / (1 + math.exp(-STEEPNESS * progress)) - 1


class Discriminator(nn.Module):
    """(n, width) → (n,), logits that a sample is of the target domain; all of it follows from `seed`."""

    def __init__(self, width: int, seed: int) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.layers = nn.Sequential(
                nn.Linear(width, HIDDEN),
                nn.ReLU(),
                nn.Linear(HIDDEN, HIDDEN),
                nn.ReLU(),
                nn.Linear(HIDDEN, 1),
            )

    def forward(self, inputs: Tensor) -> Tensor:
        logits: Tensor = self.layers(inputs).squeeze(1)
        return logits
