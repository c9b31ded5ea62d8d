"""LoRA: the weights stay, and what is added to them has a low rank.

Hu et al.: LoRA, ICLR 2022, section 4.1, eq. 3. A weight W₀, as a matrix (out, in), becomes

    W = W₀ + α/r · B A,      B (out, r) = 0 at the start,      A (r, in)

with r = `tune.rank`, α = `tune.alpha`; A and B learn. A starts uniform within ±1/√in, as in the authors' code (the
paper says Gaussian). A convolution's kernel is the matrix (out, in/groups · k · k), so that A is r kernels and B a 1×1
convolution, as in peft; the authors' code shapes the kernel as (out · k, in · k), which is another low rank.

What is adapted above the cut: every linear layer (a transformer's attention and feed-forward) and every convolution,
where A and B hold fewer numbers than W₀. Depthwise convolutions are not adapted: a matrix of k² = 9 columns has no low
rank to speak of. They stay as they are, like biases, norms and running statistics (section 4.2).

    phase `head`   head_epochs            head at learning_rate
    phase `lora`   epochs - head_epochs   head, A and B at learning_rate

Afterwards B A is added to W₀: the network that is exported has the layers, names and speed that it had before.
"""

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from components.errors import ParamsError
from components.methods.base import Group, LastBlocksMethod, Phase, Tunable

# Where `parametrize` keeps what is added to a weight, below the layer's own name.
ADDED = ".parametrizations.weight.0."


class LowRank(nn.Module):
    """W₀ → W₀ + scale · B A, for a weight of any shape (out, …)."""

    def __init__(self, weight: Tensor, rank: int, alpha: float, generator: torch.Generator) -> None:
        super().__init__()
        out, into = matrix(weight)
        self.scale = alpha / rank
        bound = 1 / math.sqrt(into)
        # Drawn on the CPU, so that the numbers are the same wherever the network lies.
        start = torch.empty(rank, into).uniform_(-bound, bound, generator=generator)
        self.a = nn.Parameter(start.to(weight))
        self.b = nn.Parameter(torch.zeros(out, rank).to(weight))

    def forward(self, weight: Tensor) -> Tensor:
        return weight + self.scale * (self.b @ self.a).view(weight.shape)


class LoRA(LastBlocksMethod):
    """Answers 'what trains?': the head and low-rank additions to the weights above the cut."""

    def prepare(self, network: Tunable, seed: int) -> None:
        rank, generator = self._tune.rank, torch.Generator().manual_seed(seed)
        layers = [layer for layer in _layers(network) if smaller(layer.weight, rank)]
        if not layers:
            raise ParamsError(
                f"tune.rank is {rank}; no layer above the cut gets smaller by that.",
                "Lower it, or raise tune.blocks.",
            )
        for layer in layers:
            added = LowRank(layer.weight, rank, self._tune.alpha, generator)
            parametrize.register_parametrization(layer, "weight", added)

    def finish(self, network: Tunable) -> None:
        for layer in _layers(network):
            if parametrize.is_parametrized(layer, "weight"):
                parametrize.remove_parametrizations(layer, "weight", leave_parametrized=True)

    def _follow(self, network: Tunable, head: Group, epochs: int) -> tuple[Phase, ...]:
        names = tuple(name for name in network.above_names() if ADDED in name)
        return (Phase("lora", epochs, (head, Group(names, head.rate)), adapt_statistics=False),)


def matrix(weight: Tensor) -> tuple[int, int]:
    """Rows and columns of a weight (out, …) as a matrix."""
    return weight.shape[0], weight[0].numel()


def smaller(weight: Tensor, rank: int) -> bool:
    """Whether the factors of so many ranks hold fewer numbers than the weight."""
    out, into = matrix(weight)
    return rank * (out + into) < out * into


def depthwise(layer: nn.Module) -> bool:
    return isinstance(layer, nn.Conv2d) and layer.groups == layer.in_channels > 1


def _layers(network: Tunable) -> Iterator[nn.Linear | nn.Conv2d]:
    """Linear layers and convolutions above the cut, in the network's order."""
    above = {name.rpartition(".")[0].split(".parametrizations")[0] for name in network.above_names()}
    for path, module in [*network.named_modules()]:
        if path in above and isinstance(module, nn.Linear | nn.Conv2d) and not depthwise(module):
            yield module
