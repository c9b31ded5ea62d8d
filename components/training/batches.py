"""Where batches come from: memory-mapped records, copied one batch ahead of the arithmetic."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from components.data.ahead import in_order
from components.methods.samples import Indices, Inputs, Samples, tensors
from components.problems.base import Targets
from components.training.seeds import batches, draws, generator


class Rows(Protocol):
    """Anything that gives rows by their numbers: a stored view, an array."""

    def __getitem__(self, indices: Indices, /) -> npt.NDArray[np.generic]: ...


@runtime_checkable
class NamedRows(Protocol):
    """The same with several arrays for a row, by name."""

    def named(self, indices: Indices, /) -> Mapping[str, npt.NDArray[np.generic]]: ...


class Views:
    """Records in `views` views of each sample: row view * N + sample.

    Each sample walks through its own shuffle of the views, so that an epoch mixes all of them and a sample
    shows every view before it repeats one.
    """

    def __init__(
        self,
        rows: Rows | NamedRows,
        targets: Targets,
        views: int = 1,
        seed: int = 0,
        collate: Callable[[Targets], npt.NDArray[Any]] = np.asarray,
    ) -> None:
        """`collate` makes numbers in rows of one shape of targets."""
        self._rows = rows
        self._targets = targets
        self._collate = collate
        order = np.tile(np.arange(views), (len(targets), 1))
        self._order = generator(seed, 2).permuted(order, axis=1)

    @property
    def targets(self) -> Targets:
        return self._targets

    def view(self, indices: Indices, epoch: int) -> Indices:
        """The view that each sample shows in an epoch."""
        shown: Indices = self._order[indices, epoch % self._order.shape[1]]
        return shown

    def take(self, indices: Indices, epoch: int) -> Inputs:
        rows = self.view(indices, epoch) * len(self._targets) + indices
        if isinstance(self._rows, NamedRows):
            return {name: torch.from_numpy(array) for name, array in self._rows.named(rows).items()}
        return torch.from_numpy(self._rows[rows])

    def expected(self, indices: Indices, epoch: int) -> Tensor:
        return torch.from_numpy(self._collate(self._targets[indices]))

    def shuffled(self, seed: int, epoch: int, size: int) -> list[Indices]:
        return batches(seed, epoch, len(self._targets), size)

    def in_turn(self, size: int) -> list[Indices]:
        return consecutive(len(self._targets), size)


@dataclass(frozen=True)
class Batch:
    """Indices (B,) int64; inputs and targets as `Samples` gives them, for ordinary samples (B, …) and (B,)."""

    indices: Indices
    inputs: Inputs
    targets: Tensor

    @property
    def nbytes(self) -> int:
        return sum(tensor.nbytes for tensor in tensors(self.inputs))


def prefetch(samples: Samples, chunks: Iterable[Indices], epoch: int, depth: int = 2) -> Iterator[Batch]:
    """The batches of `chunks` in their order; a thread copies up to `depth` of them ahead."""

    def load(chunk: Indices) -> Batch:
        return Batch(chunk, samples.take(chunk, epoch), samples.expected(chunk, epoch))

    return in_order(load, chunks, 1, depth + 1)


def beside(
    samples: Samples | None, chunks: Sequence[Indices], seed: int, epoch: int
) -> Iterator[Batch | None]:
    """A batch of unlabelled samples for each of `chunks`, where there are any."""
    if samples is None:
        return repeat(None, len(chunks))
    return prefetch(samples, draws(seed, epoch, len(samples.targets), len(chunks[0]), len(chunks)), epoch)


def consecutive(samples: int, size: int) -> list[Indices]:
    """All samples in their order, in batches of `size`."""
    return [np.arange(start, min(start + size, samples)) for start in range(0, samples, size)]
