"""The best boxes after suppression, so many for each image: those that are not there are zeros."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from components.params.task import TaskParams
from components.problems.base import Column, Decisions, Description, Fitted, Mask
from components.problems.description import lasting
from regions.box.network import CELLS, STRIDE, middles
from regions.box.params import BoxParams
from regions.box.suppression import TRANSLATIONS, selected
from regions.unfitted import Unfitted

OVERLAP, LEAST = 0.5, 0.3
NEAR = 1e-2  # pixels by which equal boxes may differ


class Suppressed(nn.Module):
    """Outputs (B, (things + 4) · cells) → (B, 7, most): left, top, right, bottom, score, thing, and 1 for a box."""

    translations = TRANSLATIONS

    def __init__(self, things: int, most: int) -> None:
        super().__init__()
        self._things, self._most = things, most
        self.register_buffer("middles", torch.from_numpy(middles()))

    def forward(self, outputs: Tensor) -> Tensor:
        said = outputs.unflatten(1, (self._things + 4, CELLS**2))
        reach = STRIDE * F.softplus(said[:, self._things :]).transpose(1, 2)
        at = self.get_buffer("middles").to(outputs.dtype)
        boxes = torch.cat([at - reach[:, :, :2], at + reach[:, :, 2:]], dim=2)
        scores = torch.sigmoid(said[:, : self._things])
        kept = scores * selected(boxes, scores, self._most, OVERLAP, LEAST)
        best, place = kept.flatten(1).topk(self._most)
        chosen = boxes.gather(1, (place % CELLS**2).unsqueeze(2).expand(-1, -1, 4)).transpose(1, 2)
        there = (best > 0).to(outputs.dtype)
        thing = (place // CELLS**2).to(outputs.dtype)
        rows = torch.stack([best, thing, torch.ones_like(best)], dim=1)
        return torch.cat([chosen, rows], dim=1) * there.unsqueeze(1)


class Decision(Unfitted):
    """See components.problems.base.Decision for what each member promises.

    Decisions are (N,) objects, (boxes, 6) each: left, top, right, bottom, thing, score.
    """

    output = "boxes"
    columns = ("left", "top", "right", "bottom", "score", "thing", "there")

    def __init__(self, task: TaskParams, description: Description, fitted: Fitted | None = None) -> None:
        self.names, self.fitted = tuple(description["things"]), fitted or {}
        self._most = task.options(BoxParams).most
        self.axes = (self._most,)
        self.operators = {"NonMaxSuppression": self._most, "ScatterND": 0}
        self.meaning = lasting(description, "things")

    @property
    def promises(self) -> Mapping[str, Any]:
        return {"things": list(self.names), "most": self._most}

    def module(self) -> nn.Module:
        return Suppressed(len(self.names), self._most)

    def __call__(self, answers: npt.NDArray[Any]) -> Decisions:
        found = np.empty(len(answers), dtype=object)
        for place, answer in enumerate(answers):
            found[place] = answer[[0, 1, 2, 3, 5, 4]][:, answer[6] > 0.5].T
        return found

    def reordered(
        self, answers: npt.NDArray[Any], decisions: Decisions, names: Sequence[str]
    ) -> tuple[npt.NDArray[Any], Decisions]:
        places = np.argsort([self.names.index(name) for name in names])
        moved, found = answers.copy(), decisions.copy()
        moved[:, 5] = places[answers[:, 5].astype(int)] * answers[:, 6]
        for place, boxes in enumerate(decisions):
            things = places[boxes[:, 4].astype(int)][:, None]
            found[place] = np.concatenate([boxes[:, :4], things, boxes[:, 5:]], axis=1)
        return moved, found

    def same(self, one: Decisions, other: Decisions) -> Mask:
        pairs = zip(one, other, strict=True)
        return np.array([a.shape == b.shape and (np.abs(a - b) < NEAR).all() for a, b in pairs], dtype=bool)

    def written(self, answers: npt.NDArray[Any]) -> Mapping[str, Column]:
        return {"boxes": [boxes.ravel() for boxes in self(answers)]}
