"""An anchor-free head, after FCOS (Tian et al., ICCV 2019): each cell of the maps says what is there, and how far its
box reaches from its middle."""

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

STRIDE = 2  # pixels of a cell
CELLS = SIDE // STRIDE
NEAR = 1.5 * STRIDE  # pixels from a box's middle within which cells tell the box


def middles() -> Array:
    """(cells, 2): x and y, in pixels."""
    rows, columns = np.mgrid[:CELLS, :CELLS]
    return np.stack([columns.ravel(), rows.ravel()], axis=1) * float(STRIDE) + STRIDE / 2


class Cells(nn.Module):
    """Maps (B, C, h, w) → outputs (B, (things + 4) · h · w)."""

    takes = ("maps",)

    def __init__(self, maps: int, things: int) -> None:
        super().__init__()
        self.near = nn.Conv2d(maps, 24, 3, padding=1)
        self.wide = nn.Conv2d(24, 24, 3, padding=2, dilation=2)
        self.last = nn.Conv2d(24, things + 4, 1)

    def forward(self, maps: Tensor) -> Tensor:
        outputs: Tensor = self.last(torch.relu(self.wide(torch.relu(self.near(maps)))))
        return outputs.flatten(1)


class Network:
    """See components.problems.base.Network for what each member promises."""

    link: Link = "identity"

    def __init__(self, task: TaskParams, description: Description) -> None:
        self._things = len(description["things"])
        self.outputs = (self._things + 4) * CELLS**2

    def collate(self, targets: Targets) -> npt.NDArray[Any]:
        """(N, things + 4 + 1, cells) float32: 1 for what is there, how many strides a box reaches to the left, top,
        right and bottom, and whether there is one."""
        found = np.zeros((len(targets), self._things + 5, CELLS**2), dtype=np.float32)
        at = middles()
        for row, boxes in zip(found, targets, strict=True):
            for box in boxes:
                middle = (box[:2] + box[2:4]) / 2
                near = (np.abs(at - middle) <= NEAR).all(axis=1)
                row[int(box[4]), near] = 1
                reach = np.concatenate([at - box[:2], box[2:4] - at], axis=1) / STRIDE
                row[self._things : -1, near] = reach[near].T
                row[-1, near] = 1
        return found

    def head(self, width: int, channels: Mapping[str, int] = NONE) -> nn.Module:
        if "maps" not in channels:
            raise ParamsError("A head of boxes takes maps, which are not given here.")
        return Cells(channels["maps"], self._things)

    def loss(self, outputs: Tensor, targets: Tensor, label_smoothing: float = 0.0) -> tuple[Tensor, Tensor]:
        """Focal loss of all cells (Lin et al., ICCV 2017) and L1 of those with a box; counted are these."""
        said, wanted, there = outputs.unflatten(1, (-1, CELLS**2)), targets[:, :-1], targets[:, -1:]
        things = said[:, : self._things]
        each = F.binary_cross_entropy_with_logits(things, wanted[:, : self._things], reduction="none")
        focal = (1 - torch.exp(-each)) ** 2 * each
        reach = (F.softplus(said[:, self._things :]) - wanted[:, self._things :]).abs() * there
        return focal.sum(dim=(1, 2)) + reach.sum(dim=(1, 2)) / 4, there.sum(dim=(1, 2))

    def columns(self, targets: Targets) -> Array:
        """Outputs that say a target plainly; 1 stride where there is no box."""
        held = self.collate(targets).astype(np.float64)
        things, reach, there = held[:, : self._things], held[:, self._things : -1], held[:, -1:]
        said = np.concatenate([4 * things - 2, np.where(there > 0, reach, 1.0)], axis=1)
        return np.asarray(said.reshape(len(held), -1))

    def scores(self, outputs: Tensor, targets: Tensor) -> Mapping[str, Tensor]:
        said = outputs.unflatten(1, (-1, CELLS**2))[:, : self._things] > 0
        right = said == (targets[:, : self._things] > 0.5)
        return {"cells": right.to(outputs.dtype).mean(dim=(1, 2))}
