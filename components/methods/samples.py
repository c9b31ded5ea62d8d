"""What a training learns from, and what a method may put before it: other batches, another question."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from components.errors import ParamsError

Indices = npt.NDArray[np.int64]
# What the network takes: one tensor (B, …), or several by name where a cut has several.
Inputs = Tensor | Mapping[str, Tensor]


def alone(inputs: Inputs) -> Tensor:
    """The one tensor. ParamsError where there are several: who asks for one cannot do with them."""
    if isinstance(inputs, Tensor):
        return inputs
    if len(inputs) == 1:
        return next(iter(inputs.values()))
    raise ParamsError(
        f"A sample has several tensors at this cut: {', '.join(inputs)}; this method takes one.",
        "Choose another method, or a head that looks at nothing below the cut.",
    )


def applied(inputs: Inputs, work: Callable[[Tensor], Tensor]) -> Inputs:
    """`work` on the one tensor, or on each."""
    if isinstance(inputs, Tensor):
        return work(inputs)
    return {name: work(tensor) for name, tensor in inputs.items()}


def cut(inputs: Inputs, which: slice) -> Inputs:
    """Some samples of a batch."""
    return applied(inputs, lambda tensor: tensor[which])


def tensors(inputs: Inputs) -> list[Tensor]:
    return [inputs] if isinstance(inputs, Tensor) else list(inputs.values())


def rows(inputs: Inputs) -> Iterator[Inputs]:
    """Each sample of a batch alone, (1, …)."""
    for row in range(len(tensors(inputs)[0])):
        yield cut(inputs, slice(row, row + 1))


def joined(*parts: Inputs) -> Inputs:
    """Batches of the same tensors, one behind the other."""
    if isinstance(parts[0], Tensor):
        return torch.cat([alone(part) for part in parts])
    named = [part for part in parts if not isinstance(part, Tensor)]
    return {name: torch.cat([part[name] for part in named]) for name in parts[0]}


class Samples(Protocol):
    """Samples, what is asked of them, and in which batches they are shown."""

    @property
    def targets(self) -> Indices:
        """(N,)."""
        ...

    def take(self, indices: Indices, epoch: int) -> Inputs:
        """Inputs of some samples as the epoch shows them, on the CPU, in the type in which they are kept."""
        ...

    def expected(self, indices: Indices, epoch: int) -> Tensor:
        """What the logits for `take(indices, epoch)` should say: int64, one a row of the logits."""
        ...

    def shuffled(self, seed: int, epoch: int, size: int) -> Sequence[Indices]:
        """An epoch's batches, in the order in which they are learned from."""
        ...

    def in_turn(self, size: int) -> Sequence[Indices]:
        """Batches to be judged by, the same each time."""
        ...


class Asked:
    """The same samples in the same batches with the same question, where a subclass does not say otherwise."""

    def __init__(self, samples: Samples) -> None:
        self._samples = samples

    @property
    def targets(self) -> Indices:
        return self._samples.targets

    def take(self, indices: Indices, epoch: int) -> Inputs:
        return self._samples.take(indices, epoch)

    def expected(self, indices: Indices, epoch: int) -> Tensor:
        return self._samples.expected(indices, epoch)

    def shuffled(self, seed: int, epoch: int, size: int) -> Sequence[Indices]:
        return self._samples.shuffled(seed, epoch, size)

    def in_turn(self, size: int) -> Sequence[Indices]:
        return self._samples.in_turn(size)
