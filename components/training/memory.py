"""Out of memory, said so that one can do something about it."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from components.errors import OutOfMemory

SIGNS = ("out of memory", "can't allocate memory", "cannot allocate memory", "bad allocation", "bad_alloc")


@contextmanager
def naming_the_batch(size: int, section: str = "tune") -> Iterator[None]:
    """Turn every kind of running out of memory (RAM, GPU) into one OutOfMemory."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        said = isinstance(error, MemoryError | torch.OutOfMemoryError)
        if not said and not any(sign in str(error).lower() for sign in SIGNS):
            raise
        raise OutOfMemory(
            f"Memory ran out with batches of {size} samples.",
            f"Set {section}.batch to {max(size // 2, 2)} and run the same command.",
        ) from error
