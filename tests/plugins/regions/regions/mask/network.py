"""A head as in a U-Net: maps from the top are doubled and joined with those from below the cut."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from components.errors import ParamsError
from components.params.task import TaskParams
from components.problems.base import NONE, Array, Description, Link, Targets
from regions import SIDE


class Upwards(nn.Module):
    """Maps (B, C, h, w) and finer ones (B, c, 2 h, 2 w) → outputs (B, regions · 2 h · 2 w)."""

    takes = ("maps", "fine")

    def __init__(self, maps: int, fine: int, regions: int) -> None:
        super().__init__()
        self.joined = nn.Conv2d(maps + fine, 16, 3, padding=1)
        self.last = nn.Conv2d(16, regions, 1)

    def forward(self, maps: Tensor, fine: Tensor) -> Tensor:
        doubled = F.interpolate(maps, scale_factor=2.0, mode="nearest")
        outputs: Tensor = self.last(torch.relu(self.joined(torch.cat([doubled, fine], dim=1))))
        return outputs.flatten(1)


class Network:
    """See components.problems.base.Network for what each member promises."""

    link: Link = "identity"

    def __init__(self, task: TaskParams, description: Description) -> None:
        self._regions = len(description["regions"])
        self.outputs = self._regions * SIDE * SIDE

    def collate(self, targets: Targets) -> npt.NDArray[Any]:
        """(N, pixels) int64."""
        return np.stack(list(targets)).astype(np.int64)

    def head(self, width: int, channels: Mapping[str, int] = NONE) -> nn.Module:
        if lacking := [name for name in Upwards.takes if name not in channels]:
            raise ParamsError(f"A head of masks takes {' and '.join(lacking)}, which are not given here.")
        return Upwards(channels["maps"], channels["fine"], self._regions)

    def loss(self, outputs: Tensor, targets: Tensor, label_smoothing: float = 0.0) -> tuple[Tensor, Tensor]:
        """Cross-entropy over the pixels: their sums, and how many these are."""
        each = F.cross_entropy(
            self._by_pixel(outputs), targets, reduction="none", label_smoothing=label_smoothing
        )
        return each.sum(dim=1), torch.ones_like(each).sum(dim=1)

    def columns(self, targets: Targets) -> Array:
        """1 at the class of each pixel, else -1: some pixel is never of some class, and 0 throughout is no aim."""
        held = self.collate(targets)
        return np.asarray((2 * np.eye(self._regions) - 1)[held].transpose(0, 2, 1).reshape(len(held), -1))

    def scores(self, outputs: Tensor, targets: Tensor) -> Mapping[str, Tensor]:
        right = self._by_pixel(outputs).argmax(dim=1) == targets
        return {"pixels": right.to(outputs.dtype).mean(dim=1)}

    def _by_pixel(self, outputs: Tensor) -> Tensor:
        return outputs.unflatten(1, (self._regions, -1))
