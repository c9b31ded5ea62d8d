"""Prototypical episodes: a class is the mean of a few of its samples.

Snell, Swersky, Zemel: Prototypical Networks for Few-shot Learning, NeurIPS 2017, eq. 1 and 2 and algorithm 1: an
episode draws `ways` classes, `shots` samples S_k of each that show it, and `queries` of each that are asked for. With f
what the backbone says,

    c_k = 1/|S_k| Σ_{x ∈ S_k} f(x)             p(k | x) = softmax_k( - ‖f(x) - c_k‖² )

An episode's samples are of one task: of one value of `pretrain.tasks`, or, where that names no column, of any. Nothing
but the backbone has parameters. Norms see support and queries together. An epoch shows about as many samples as there
are.
"""

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from components.errors import DataError
from components.methods.pretraining import Given, Names, Posed, Pretraining
from components.methods.samples import Asked, Indices, Samples
from components.params.names import FEWEST_CLASSES

MOST_WAYS = 5
FEWEST_EPISODES = 8  # to be judged by


class Prototypical(Pretraining):
    """Answers 'what is learned beforehand?': to tell classes by a few samples of each."""

    sees = "labelled"

    def pose(self, given: Given) -> Posed:
        params = self._params
        if params.tasks is None and given.classes < FEWEST_CLASSES:
            raise DataError(
                f"pretrain.method 'prototypical' makes tasks of random classes, and there are {given.classes}.",
                f"Bring {FEWEST_CLASSES} or more, or set pretrain.tasks to domain or a slice.",
            )
        ways = params.ways or min(given.classes, MOST_WAYS)
        shape = ways, params.shots, params.queries
        train, validation = (
            Episodes(samples, tasks, shape)
            for samples, tasks in zip((given.train, given.validation), given.tasks, strict=True)
        )
        return Posed(train, validation, Prototypes(ways, params.shots))


class Episodes(Asked):
    """Batches that are episodes: class by class the samples that show it, then class by class those asked for."""

    def __init__(self, samples: Samples, tasks: Names, shape: tuple[int, int, int]) -> None:
        super().__init__(samples)
        self._ways, self._shots, self._queries = shape
        self._pools = [
            pool for task in np.unique(tasks) if len(pool := self._pool(tasks == task)) >= self._ways
        ]
        if not self._pools:
            raise DataError(
                f"No task has {self._ways} classes with {self._shots + self._queries} samples of each.",
                "Lower pretrain.ways, pretrain.shots or pretrain.queries, or name another column in pretrain.tasks.",
            )

    def shuffled(self, seed: int, epoch: int, size: int) -> list[Indices]:
        return list(self._drawn(np.random.default_rng([seed, epoch, 5]), self._count()))

    def in_turn(self, size: int) -> list[Indices]:
        return list(self._drawn(np.random.default_rng(5), max(self._count(), FEWEST_EPISODES)))

    def expected(self, indices: Indices, epoch: int) -> Tensor:
        return torch.arange(self._ways).repeat_interleave(self._queries)

    def _pool(self, mask: npt.NDArray[np.bool_]) -> Mapping[int, Indices]:
        """Class → its samples, where there are enough of them."""
        members = {int(c): np.flatnonzero(mask & (self.targets == c)) for c in np.unique(self.targets[mask])}
        return {c: found for c, found in members.items() if len(found) >= self._shots + self._queries}

    def _count(self) -> int:
        return max(len(self.targets) // (self._ways * (self._shots + self._queries)), 1)

    def _drawn(self, source: np.random.Generator, count: int) -> Iterator[Indices]:
        for number in range(count):
            pool = self._pools[number % len(self._pools)]
            classes = source.permutation(list(pool))[: self._ways]
            members = np.stack(
                [source.permutation(pool[int(c)])[: self._shots + self._queries] for c in classes]
            )
            yield np.concatenate([members[:, : self._shots].ravel(), members[:, self._shots :].ravel()])


class Prototypes(nn.Module):
    """Features of an episode (ways · (shots + queries), d) → logits of its queries (ways · queries, ways)."""

    def __init__(self, ways: int, shots: int) -> None:
        super().__init__()
        self._ways, self._shots = ways, shots

    def forward(self, features: Tensor) -> Tensor:
        shown = self._ways * self._shots
        prototypes = features[:shown].view(self._ways, self._shots, -1).mean(1)
        return -(features[shown:, None] - prototypes[None]).square().sum(2)
