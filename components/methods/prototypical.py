"""Prototypical episodes: a class is the mean of a few of its samples.

Snell, Swersky, Zemel: Prototypical Networks for Few-shot Learning, NeurIPS 2017, eq. 1 and 2 and algorithm 1: an
episode draws `ways` classes, `shots` samples S_k of each that show it, and `queries` of each that are asked for. With f
what the backbone says,

    c_k = 1/|S_k| Σ_{x ∈ S_k} f(x)             p(k | x) = softmax_k( - ‖f(x) - c_k‖² )

An episode's samples are of one task: of one value of `pretrain.tasks`, or, where that names no column, of any. Nothing
but the backbone has parameters. Norms see support and queries together. An epoch shows about as many samples as there
are.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from components.errors import DataError
from components.methods.pretraining import Given, Known, Names, Posed, Pretraining, tasks_of
from components.methods.samples import Asked, Indices, Samples
from components.params.names import FEWEST_CLASSES

MOST_WAYS = 5
FEWEST_EPISODES = 8  # to be judged by
Pool = Mapping[int, Indices]


@dataclass(frozen=True)
class Shape:
    """Of an episode: classes, samples that show each, samples of each that are asked for."""

    ways: int
    shots: int
    queries: int

    @property
    def each(self) -> int:
        return self.shots + self.queries


class Prototypical(Pretraining):
    """Answers 'what is learned beforehand?': to tell classes by a few samples of each."""

    sees = "labelled"

    def check(self, known: Known) -> None:
        if self._params.tasks is None and known.classes < FEWEST_CLASSES:
            raise DataError(
                f"pretrain.method 'prototypical' makes tasks of random classes, and there are {known.classes}.",
                f"Bring {FEWEST_CLASSES} or more, or set pretrain.tasks to domain or a slice.",
            )
        for targets, tasks in zip(known.targets, known.tasks, strict=True):
            pools(targets, tasks, self._shape(known.classes))

    def pose(self, given: Given) -> Posed:
        known, shape = given.known, self._shape(given.known.classes)
        train, validation = (
            Episodes(samples, pools(samples.targets, tasks, shape), shape)
            for samples, tasks in zip((given.train, given.validation), known.tasks, strict=True)
        )
        return Posed(train, validation, Prototypes(shape.ways, shape.shots))

    def _shape(self, classes: int) -> Shape:
        params = self._params
        return Shape(params.ways or min(classes, MOST_WAYS), params.shots, params.queries)


def pools(targets: Indices, tasks: Names, shape: Shape) -> list[Pool]:
    """For each task that suffices for an episode: its classes that do, each with its samples. DataError: none does."""
    found: list[Pool] = []
    for task in tasks_of(tasks):
        here = tasks == task
        members = {
            int(c): np.flatnonzero(here & (targets == c)).astype(np.int64) for c in np.unique(targets[here])
        }
        found.append({c: held for c, held in members.items() if len(held) >= shape.each})
    enough = [pool for pool in found if len(pool) >= shape.ways]
    if not enough:
        raise DataError(
            f"No task has {shape.ways} classes with {shape.each} samples of each.",
            "Lower pretrain.ways, pretrain.shots or pretrain.queries, or name another column in pretrain.tasks.",
        )
    return enough


class Episodes(Asked):
    """Batches that are episodes: class by class the samples that show it, then class by class those asked for."""

    def __init__(self, samples: Samples, pools: Sequence[Pool], shape: Shape) -> None:
        super().__init__(samples)
        self._pools, self._shape = pools, shape

    def shuffled(self, seed: int, epoch: int, size: int) -> list[Indices]:
        return list(self._drawn(np.random.default_rng([seed, epoch, 5]), self._count()))

    def in_turn(self, size: int) -> list[Indices]:
        return list(self._drawn(np.random.default_rng(5), max(self._count(), FEWEST_EPISODES)))

    def expected(self, indices: Indices, epoch: int) -> Tensor:
        return torch.arange(self._shape.ways).repeat_interleave(self._shape.queries)

    def _count(self) -> int:
        return max(len(self.targets) // (self._shape.ways * self._shape.each), 1)

    def _drawn(self, source: np.random.Generator, count: int) -> Iterator[Indices]:
        shape = self._shape
        for number in range(count):
            pool = self._pools[number % len(self._pools)]
            classes = source.permutation(list(pool))[: shape.ways]
            members = np.stack([source.permutation(pool[int(c)])[: shape.each] for c in classes])
            yield np.concatenate([members[:, : shape.shots].ravel(), members[:, shape.shots :].ravel()])


class Prototypes(nn.Module):
    """Features of an episode (ways · (shots + queries), d) → logits of its queries (ways · queries, ways)."""

    def __init__(self, ways: int, shots: int) -> None:
        super().__init__()
        self._ways, self._shots = ways, shots

    def forward(self, features: Tensor) -> Tensor:
        shown = self._ways * self._shots
        prototypes = features[:shown].view(self._ways, self._shots, -1).mean(1)
        return -(features[shown:, None] - prototypes[None]).square().sum(2)
