"""A decoder of one layer that looks at its own earlier letters and at the backbone's tokens."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from components.params.task import TaskParams
from components.problems.base import NONE, Array, Description, Link, Targets

END, START, FIRST = 0, 1, 2  # numbers of what ends and begins a text, and of the first letter
DEPTH = 32


class Speller(nn.Module):
    """Tokens (B, n, width) → outputs (B, steps · letters).

    With targets each step is given the letter before it as the target has it, without them as it was decided itself.
    """

    takes = ("tokens",)
    forced = True

    def __init__(self, width: int, letters: int, most: int) -> None:
        super().__init__()
        self.most = most
        self.letters, self.places = nn.Embedding(letters, DEPTH), nn.Embedding(most, DEPTH)
        self.asks, self.keys, self.values = (nn.Linear(DEPTH, DEPTH) for _ in range(3))
        self.looks, self.seen, self.held = (
            nn.Linear(DEPTH, DEPTH),
            nn.Linear(width, DEPTH),
            nn.Linear(width, DEPTH),
        )
        self.norm, self.hidden, self.last = nn.LayerNorm(DEPTH), nn.Linear(DEPTH, 64), nn.Linear(64, letters)

    def forward(self, tokens: Tensor, targets: Tensor | None = None) -> Tensor:
        nothing = tokens.new_zeros(tokens.shape[0], 0, DEPTH)
        letters = torch.full((tokens.shape[0], 1), START, dtype=torch.int64, device=tokens.device)
        if targets is not None:
            outputs, _, _ = self._decoded(
                tokens, torch.cat([letters, targets[:, :-1]], dim=1), nothing, nothing
            )
            return outputs.flatten(1)
        found, state = [], (letters, nothing, nothing)
        for _ in range(self.most):
            outputs, *rest = self.step(tokens, *state)
            found.append(outputs)
            state = (rest[0], rest[1], rest[2])
        return torch.cat(found, dim=1)

    def step(self, tokens: Tensor, letters: Tensor, keys: Tensor, values: Tensor) -> tuple[Tensor, ...]:
        """Newest letters (B, new), keys and values (B, past, depth) of all before → outputs (B, letters) of the last,
        the next letter (B, 1), keys and values of all."""
        outputs, keys, values = self._decoded(tokens, letters, keys, values)
        return outputs[:, -1], outputs[:, -1].argmax(dim=1, keepdim=True), keys, values

    def _decoded(
        self, tokens: Tensor, letters: Tensor, keys: Tensor, values: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        # Counted, not a range up to a size: of that the limits for foreign files do not know how long it is.
        now = torch.ones_like(keys[:, :, 0]).sum(dim=1, keepdim=True) + _places(letters)
        state = self.letters(letters) + self.places(now.long())
        keys = torch.cat([keys, self.keys(state)], dim=1)
        values = torch.cat([values, self.values(state)], dim=1)
        later = _places(keys[:, :, 0])[:, None] > now[:, :, None]
        state = state + _attended(self.asks(state), keys, values, later)
        state = state + _attended(self.looks(state), self.seen(tokens), self.held(tokens))
        return self.last(torch.relu(self.hidden(self.norm(state)))), keys, values


def _places(held: Tensor) -> Tensor:
    """(B, n) of anything → 0, 1, 2, …"""
    return torch.ones_like(held, dtype=torch.float32).cumsum(dim=1) - 1


def _attended(asked: Tensor, keys: Tensor, values: Tensor, hidden: Tensor | None = None) -> Tensor:
    scores = asked @ keys.transpose(1, 2) / math.sqrt(DEPTH)
    if hidden is not None:
        scores = scores.masked_fill(hidden, -1e4)
    return torch.softmax(scores, dim=2) @ values


class Network:
    """See components.problems.base.Network for what each member promises."""

    link: Link = "identity"

    def __init__(self, task: TaskParams, description: Description) -> None:
        self._letters, self._most = str(description["letters"]), int(description["most"])
        self._count = len(self._letters) + FIRST
        self.outputs = self._count * self._most

    def collate(self, targets: Targets) -> npt.NDArray[Any]:
        """(N, steps) int64: numbers of letters, then END."""
        found = np.full((len(targets), self._most), END, dtype=np.int64)
        for row, text in zip(found, targets, strict=True):
            row[: len(text)] = [self._letters.index(letter) + FIRST for letter in text]
        return found

    def head(self, width: int, channels: Mapping[str, int] = NONE) -> nn.Module:
        return Speller(width, self._count, self._most)

    def loss(self, outputs: Tensor, targets: Tensor, label_smoothing: float = 0.0) -> tuple[Tensor, Tensor]:
        """Cross-entropy of the letters and of the first END: their sums, and how many these are."""
        said = outputs.unflatten(1, (self._most, self._count)).transpose(1, 2)
        each = F.cross_entropy(said, targets, reduction="none", label_smoothing=label_smoothing)
        counted = torch.cat([torch.ones_like(targets[:, :1]), (targets[:, :-1] != END).long()], dim=1)
        return (each * counted).sum(dim=1), counted.sum(dim=1).to(each.dtype)

    def columns(self, targets: Targets) -> Array:
        """1 at the letter of each step, else -1."""
        held = self.collate(targets)
        return np.asarray((2 * np.eye(self._count) - 1)[held].reshape(len(held), -1))

    def scores(self, outputs: Tensor, targets: Tensor) -> Mapping[str, Tensor]:
        right = outputs.unflatten(1, (self._most, self._count)).argmax(dim=2) == targets
        return {"letters": right.to(outputs.dtype).mean(dim=1)}
