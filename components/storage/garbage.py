"""What may be freed, and what is kept and why: items, their sizes and ages."""

import fcntl
import os
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from components.storage.home import stage_lock
from components.storage.publish import kernel_lock, remove

DAY = 86_400.0  # seconds
STAGE_LOCK = re.compile(r"[a-z_]+-[0-9a-f]{8}")
LEFT = re.compile(r"\..+\.[a-z0-9_]{8}")  # `storage.publish`'s temporary names


@dataclass(frozen=True)
class Item:
    """Something that takes `size` bytes; `kept` says why it stays, and is empty where it goes."""

    name: str
    size: int
    kept: str = ""


def size_of(path: Path) -> int:
    """Bytes in a file or folder; of what vanishes meanwhile, none."""
    return sum(found.st_size for found in _stats(path))


def days_unused(path: Path) -> float:
    """Since anything in it was written or read. A disk that notes no reading tells the writing only."""
    used = max((max(found.st_mtime, found.st_atime) for found in _stats(path)), default=0.0)
    return (time.time() - used) / DAY


def days_unwritten(path: Path) -> float:
    written = max((found.st_mtime for found in _stats(path)), default=0.0)
    return (time.time() - written) / DAY


def left_over(folders: Iterable[Path]) -> Iterator[Path]:
    """What processes that were killed had begun to write: nobody writes one of these for a day."""
    for folder in folders:
        for path in folder.rglob(".*") if folder.is_dir() else ():
            if LEFT.fullmatch(path.name) and days_unwritten(path) > 1:
                yield path


@contextmanager
def quiet(root: Path) -> Iterator[None]:
    """Hold the locks of lines, scheduled runs and stages, of every workspace that shares the home of `root`.

    Raises Busy at once where one of them runs; none begins meanwhile.
    """
    own = stage_lock(root, "workspace")
    with ExitStack() as held:
        held.enter_context(kernel_lock(own))
        for path in sorted(own.parent.iterdir()):
            if STAGE_LOCK.fullmatch(path.name) and path != own:
                held.enter_context(kernel_lock(path))
        yield


def is_locked(path: Path) -> bool:
    """Whether a process holds the lock `path` right now."""
    try:
        with path.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def remove_in_order(folder: Path, *first: str) -> None:
    """Remove a folder; the files that match `first` go before the others, so that no promise outlives its data."""
    for pattern in first:
        for path in sorted(folder.glob(pattern)):
            path.unlink(missing_ok=True)
    remove(folder)


def _stats(path: Path) -> Iterator[os.stat_result]:
    for file in path.rglob("*") if path.is_dir() else (path,):
        try:
            if file.is_file() and not file.is_symlink():
                yield file.stat()
        except FileNotFoundError:
            continue
