"""Same seed, same bytes.

Every random number follows from (seed, epoch) alone. So a resumed training needs no generator's state: what
epoch 5 draws does not depend on how often the process died before it.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import torch


def generator(seed: int, *place: int) -> np.random.Generator:
    """A generator for one place (epoch, …) of the run."""
    return np.random.default_rng([seed, *place])


def seed_epoch(seed: int, epoch: int) -> None:
    """Set torch's global generators (dropout and the like) for one epoch."""
    torch.manual_seed(int(generator(seed, epoch, 1).integers(2**62)))


def batches(seed: int, epoch: int, samples: int, size: int) -> list[npt.NDArray[np.int64]]:
    """The epoch's order, cut into batches of `size`; a shorter rest waits for another epoch's shuffle.

    Fewer samples than `size` make one batch.
    """
    order = generator(seed, epoch, 0).permutation(samples).astype(np.int64)
    whole = max(samples // size, 1) * size
    return [order[start : start + size] for start in range(0, min(whole, samples), size)]


def draws(seed: int, epoch: int, samples: int, size: int, count: int) -> list[npt.NDArray[np.int64]]:
    """`count` batches of `size` numbers below `samples`: shuffle after shuffle, so that all come equally often."""
    source = generator(seed, epoch, 3)
    rounds = -(-size * count // samples)
    order = np.concatenate([source.permutation(samples) for _ in range(rounds)]).astype(np.int64)
    return [order[number * size : (number + 1) * size] for number in range(count)]


@contextmanager
def deterministic(threads: int) -> Iterator[None]:
    """Deterministic kernels where torch has them, and a fixed number of threads; both undone at the end."""
    # cuBLAS reads it when its handle is made, which is after this.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    before = (torch.are_deterministic_algorithms_enabled(), torch.get_num_threads())
    fill = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    torch.use_deterministic_algorithms(True, warn_only=True)
    # Filling finds readers of uninitialised memory; here it would only cost time.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0])
        torch.utils.deterministic.fill_uninitialized_memory = fill  # type: ignore[attr-defined]
        torch.set_num_threads(before[1])
