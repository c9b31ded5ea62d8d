"""A tiny backbone with skips, and a head that looks below the cut."""

import torch
from tiny import unit
from torch import Tensor, nn

from components.backbones.base import Backbone
from components.backbones.named import Names, Skip

SKIPS = Names("maps", {"fine": Skip(0, 1), "coarse": Skip(2, 2)})


class Halving(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 2, stride=2)

    def forward(self, maps: Tensor) -> Tensor:
        halved: Tensor = self.conv(maps)
        return halved


class Mean(nn.Module):
    def forward(self, maps: Tensor) -> Tensor:
        return maps.mean((2, 3))


class Looking(nn.Module):
    """A head that looks at a map from below the cut."""

    takes = ("pooled", "fine")

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(8, 2)

    def forward(self, pooled: Tensor, fine: Tensor) -> Tensor:
        outputs: Tensor = self.linear(torch.cat([pooled, fine.amax((2, 3))], dim=1))
        return outputs


def skipping() -> Backbone:
    torch.manual_seed(0)
    return Backbone([unit(3, 4), unit(4, 4), Halving(), unit(4, 4), Mean()], 4, names=SKIPS).eval()
