"""What a transfer method is: an answer to one of three questions, which one loop puts together.

1. What trains?              `Method`: phases, each with its groups of parameters and their rates.
2. What is added to the loss? `Objective`, in `components.methods.objective`.
3. How do samples count?     `Weighting`.

A fourth, what is learned before the task, is in `components.methods.pretraining`.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt
from torch import nn

from components.errors import ParamsError
from components.params.tuning import TuneParams

NORMS = (nn.modules.batchnorm._BatchNorm, nn.LayerNorm, nn.GroupNorm)


class Tunable(Protocol):
    """What a method may know of the network: the names of its parts' parameters."""

    def above_names(self) -> tuple[str, ...]: ...
    def head_names(self) -> tuple[str, ...]: ...
    def named_parameters(self) -> Iterator[tuple[str, nn.Parameter]]: ...
    def named_modules(self) -> Iterator[tuple[str, nn.Module]]: ...


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
class Slow:
    """Slow weights: after every so many `steps` they go a `share` of the way that the fast ones went, and the fast
    ones go on from there. An epoch is a whole number of such runs."""

    steps: int
    share: float


class Method(Protocol):
    """Answers 'what trains?'."""

    def cut(self, blocks: int) -> int:
        """Where a backbone of so many blocks is cut; what lies below is frozen in every phase.

        Raises ParamsError where such a backbone cannot be cut so.
        """
        ...

    def prepare(self, network: Tunable, seed: int) -> None:
        """Put what the method adds into a network that holds its first weights; `phases` comes after it."""
        ...

    def phases(self, network: Tunable) -> Sequence[Phase]: ...

    def finish(self, network: Tunable) -> None:
        """Leave a network of the layers that it had before `prepare`, with what was learnt."""
        ...


class LastBlocksMethod:
    """What the methods share that train the last `tune.blocks` blocks: the cut below them, and the head first.

    Linear probing, then fine-tuning (Kumar et al., ICLR 2022): a head that already fits sends the blocks gradients
    that mean something. Over all of them, `tune.freeze` keeps parameters still by name, and `tune.norms` the norms.
    """

    def __init__(self, tune: TuneParams) -> None:
        self._tune = tune

    def cut(self, blocks: int) -> int:
        if self._tune.blocks > blocks:
            raise ParamsError(
                f"tune.blocks is {self._tune.blocks}; allowed: 1 to {blocks}, the blocks of this backbone."
            )
        return blocks - self._tune.blocks

    def prepare(self, network: Tunable, seed: int) -> None:
        """Nothing is added."""

    def finish(self, network: Tunable) -> None:
        """Nothing was added."""

    def phases(self, network: Tunable) -> tuple[Phase, ...]:
        tune = self._tune
        head = Group(network.head_names(), tune.learning_rate)
        first = Phase("head", tune.head_epochs, (head,), adapt_statistics=False)
        then = self._follow(network, head, tune.epochs - tune.head_epochs)
        kept = self._still(network)
        made = (first, *then) if tune.head_epochs else then
        return tuple(_without(phase, kept, tune.norms == "adapt") for phase in made)

    def _follow(self, network: Tunable, head: Group, epochs: int) -> tuple[Phase, ...]:
        """What comes after the head's own epochs."""
        raise NotImplementedError

    def _still(self, network: Tunable) -> frozenset[str]:
        """Names that `tune.freeze` and `tune.norms` keep still."""
        names = network.above_names()
        kept: set[str] = set()
        for pattern in self._tune.freeze:
            found = {name for name in names if re.search(pattern, name)}
            if not found:
                some = ", ".join(names[:: max(len(names) // 4, 1)])
                raise ParamsError(
                    f"tune.freeze: {pattern!r} matches no parameter above the cut.", f"Some of them: {some}."
                )
            kept |= found
        if self._tune.norms == "frozen":
            norms = [path for path, module in network.named_modules() if isinstance(module, NORMS)]
            kept |= {name for name in names if name.rpartition(".")[0] in norms}
        return frozenset(kept)


def _without(phase: Phase, kept: frozenset[str], adapt: bool) -> Phase:
    groups = [Group(tuple(n for n in group.names if n not in kept), group.rate) for group in phase.groups]
    chosen = tuple(group for group in groups if group.names)
    return replace(phase, groups=chosen, adapt_statistics=phase.adapt_statistics and adapt)


def trained_count(network: Tunable, phases: Sequence[Phase]) -> int:
    """How many numbers some phase trains."""
    trained = frozenset().union(*(phase.trained for phase in phases))
    return sum(parameter.numel() for name, parameter in network.named_parameters() if name in trained)


def unit_of(name: str) -> int:
    """The unit of the backbone that a parameter belongs to: 3 for `backbone.units.3.layer.weight`."""
    found = re.search(r"(?:^|\.)units\.(\d+)(?:\.|$)", name)
    if found is None:
        raise ValueError(f"{name} is in no unit of a backbone")
    return int(found[1])


@dataclass(frozen=True)
class Seen:
    """What a weighting may look at: frozen features.

    Attributes:
        features: (N, width), of the labelled training samples.
        targets: (N,), their classes.
        of_target: (N,), whether a sample is of the target domain.
        target: (M, width), of the target domain's training samples, their labels unseen.
        seed: the whole of its randomness.
    """

    features: npt.NDArray[np.float32]
    targets: npt.NDArray[np.int64]
    of_target: npt.NDArray[np.bool_]
    target: npt.NDArray[np.float32]
    seed: int


class Weighting(Protocol):
    """Answers 'how do samples count?': once, before training."""

    def __call__(self, seen: Seen) -> npt.NDArray[np.float64]:
        """(N,), how much each labelled training sample counts: at least 0, 1 on average."""
        ...
