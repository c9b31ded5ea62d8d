"""What a transfer method is: an answer to one of three questions, which one loop puts together.

1. What trains?              `Method`: phases, each with its groups of parameters and their rates.
2. What is added to the loss? `Objective`.
3. How do samples count?     `Weighting`.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor, nn

from components.errors import ParamsError


class Tunable(Protocol):
    """What a method may know of the network: the names of its parts' parameters."""

    def below_names(self) -> tuple[str, ...]: ...
    def above_names(self) -> tuple[str, ...]: ...
    def head_names(self) -> tuple[str, ...]: ...
    def named_parameters(self) -> Iterator[tuple[str, nn.Parameter]]: ...


@dataclass(frozen=True)
class Group:
    """Parameters, by name, that learn at one peak rate."""

    names: tuple[str, ...]
    rate: float


@dataclass(frozen=True)
class Phase:
    """A stretch of training.

    Attributes:
        groups: what trains; every other parameter, and every buffer of a layer none of whose parameters
            train, stays bit-equal.
        epochs: at most so many.
        adapt_statistics: whether the norms among what trains keep moving their running mean and variance.
    """

    name: str
    epochs: int
    groups: tuple[Group, ...]
    adapt_statistics: bool = True

    @property
    def trained(self) -> frozenset[str]:
        return frozenset(name for group in self.groups for name in group.names)


@dataclass(frozen=True)
class Step:
    """One batch on its way through the loop.

    Attributes:
        indices: (B,) int64, positions in the training samples.
        inputs: what the network saw, (B, …).
        targets: (B,) int64.
        logits: (B, classes) float32.
        epoch: counted from 0 over all phases.
    """

    network: nn.Module
    indices: Tensor
    inputs: Tensor
    targets: Tensor
    logits: Tensor
    epoch: int


class Method(Protocol):
    """Answers 'what trains?'."""

    def cut(self, blocks: int) -> int:
        """Where a backbone of so many blocks is cut; what lies below is frozen in every phase.

        Raises ParamsError where such a backbone cannot be cut so.
        """
        ...

    def phases(self, network: Tunable) -> Sequence[Phase]: ...


def cut_above(blocks: int, learning: int) -> int:
    """The cut below the last `learning` blocks; ParamsError where the backbone has fewer."""
    if learning > blocks:
        raise ParamsError(f"tune.blocks is {learning}; allowed: 1 to {blocks}, the blocks of this backbone.")
    return blocks - learning


def unit_of(name: str) -> int:
    """The unit of the backbone that a parameter belongs to: 3 for `backbone.units.3.layer.weight`."""
    found = re.search(r"(?:^|\.)units\.(\d+)(?:\.|$)", name)
    if found is None:
        raise ValueError(f"{name} is in no unit of a backbone")
    return int(found[1])


class Objective(Protocol):
    """Answers 'what is added to the loss?': a scalar."""

    name: str

    def __call__(self, step: Step) -> Tensor: ...


class Weighting(Protocol):
    """Answers 'how do samples count?': (B,) factors, 1 for an ordinary sample."""

    name: str

    def __call__(self, step: Step) -> Tensor: ...
