"""What a training learns from, and what a method may put before it: other batches, another question."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
from torch import Tensor

Indices = npt.NDArray[np.int64]


class Samples(Protocol):
    """Samples, what is asked of them, and in which batches they are shown."""

    @property
    def targets(self) -> Indices:
        """(N,)."""
        ...

    def take(self, indices: Indices, epoch: int) -> Tensor:
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

    def take(self, indices: Indices, epoch: int) -> Tensor:
        return self._samples.take(indices, epoch)

    def expected(self, indices: Indices, epoch: int) -> Tensor:
        return self._samples.expected(indices, epoch)

    def shuffled(self, seed: int, epoch: int, size: int) -> Sequence[Indices]:
        return self._samples.shuffled(seed, epoch, size)

    def in_turn(self, size: int) -> Sequence[Indices]:
        return self._samples.in_turn(size)
