"""k nearest neighbours (Cover & Hart, IEEE Transactions on Information Theory 1967), by Euclidean distance.

    p(c | x) = (v_c + 1) / (Σ v + classes),   v_c = Σ w over those of the k nearest training samples that are of class c

The 1 is Laplace's: a class without a vote keeps a probability. Of labels each by itself,
p(l | x) = (v_l + 1) / (v_l + v_¬l + 2), with the votes for l and against it.

With centred samples xᵢ, -2 xᵢ·x + ‖xᵢ‖² ranks them as
‖x - xᵢ‖² does, so the distances are a linear layer whose weights are the training samples: N · width numbers, which go
into the release.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from components.errors import ParamsError
from components.heads.base import Samples, State, filled, linear_state, standardisation
from components.params.learning import HeadParams


class Vote(nn.Module):
    """Features (B, width) → log(1 + votes) (B, classes); with votes `against`, log-odds (B, labels)."""

    def __init__(self, samples: int, width: int, classes: int, neighbours: int, against: bool) -> None:
        super().__init__()
        if against:
            self.register_buffer("against", torch.zeros(samples, classes))
        self._against = against
        self.distances = nn.Linear(width, samples)
        self.register_buffer("votes", torch.zeros(samples, classes))
        self.register_buffer("neighbours", torch.tensor(neighbours))
        self._k = neighbours  # a graph's constant, where the buffer is what is written

    def forward(self, features: Tensor) -> Tensor:
        nearest = torch.topk(self.distances(features), self._k, dim=1, largest=False).indices
        found = torch.log1p(self.get_buffer("votes")[nearest].sum(dim=1))
        if not self._against:
            return found
        return found - torch.log1p(self.get_buffer("against")[nearest].sum(dim=1))


class Neighbours:
    """Works from one sample a class on; nothing is fitted, everything is kept."""

    parameter = "neighbours"

    def __init__(self, head: HeadParams, seed: int) -> None:
        self._candidates = head.neighbours

    def fits(self, training: Samples, validation: Samples) -> Iterator[tuple[float, State]]:
        count = len(training.targets)
        allowed = [k for k in self._candidates if k <= count]
        if not allowed:
            raise ParamsError(
                f"head.neighbours asks for {min(self._candidates)} or more of {count} training samples.",
                f"Allowed: 1 to {count}.",
            )
        mean, deviation = standardisation(training)
        length = deviation * np.sqrt(training.features.shape[1])  # half precision must hold the distances
        rows = (training.features - mean) / length
        bank = linear_state(-2 * rows, (rows**2).sum(axis=1), mean, length)
        state = {f"distances.{name}": tensor for name, tensor in bank.items()}
        state["votes"] = torch.from_numpy(training.columns * training.shares[:, None])
        if training.link == "sigmoid":
            state["against"] = torch.from_numpy((1 - training.columns) * training.shares[:, None])
        for k in allowed:
            yield k, {**state, "neighbours": torch.tensor(k)}

    @staticmethod
    def module(state: State) -> nn.Module:
        samples, width = state["distances.weight"].shape
        with torch.device("meta"):
            sizes = samples, width, state["votes"].shape[1], int(state["neighbours"])
            empty = Vote(*sizes, "against" in state)
        return filled(empty, state)
