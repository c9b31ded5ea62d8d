"""A kernel lock on a range of numbers: processes whose ranges do not meet work side by side."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from components.errors import Busy


@contextmanager
def range_lock(path: Path, numbers: range) -> Iterator[None]:
    """Hold the lock of `numbers` (step 1), which the kernel frees when this process dies, however it dies.

    Raises Busy at once where another process holds one of them. Within one process it keeps nobody apart, and a
    process that opens `path` a second time and closes it loses the lock.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        if numbers:  # a length of 0 would mean: to the end
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, len(numbers), numbers.start)
            except (BlockingIOError, PermissionError):
                raise Busy(
                    f"Another process works on {path.parent}, at some of {numbers.start} to {numbers[-1]}.",
                    "Wait for it, or stop it.",
                ) from None
        yield
