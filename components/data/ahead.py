"""Work on samples in threads, and in stacks: results in order, with bounded memory."""

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

T = TypeVar("T")
R = TypeVar("R")
Array = npt.NDArray[np.generic]
# Raw and decoded samples that may wait, in bytes each: 256 MB are some 900 pictures of 300×300 pixels, or two
# of 50 megapixels.
CAP = 256 * 10**6
# Bytes of one stack: a network makes numbers of it that are four times as large.
STACK = 2**26


def in_order(
    work: Callable[[T], R],
    items: Iterable[T],
    threads: int,
    count: int,
) -> Generator[R]:
    """`work(item)` for each item, in order, computed ahead by `threads` threads.

    Ahead are at most `count` items, of CAP bytes, and results of CAP bytes, but always one; results may exceed
    that by what the threads are at. What is weighed are bytes, whatever tells its `nbytes`, and sequences of
    these. Items are drawn by the calling thread alone.
    """
    room = _Room(work)
    waiting: deque[tuple[Future[R], int]] = deque()
    pool = ThreadPoolExecutor(max(1, threads), thread_name_prefix="ahead")
    try:
        held = 0
        for number, item in enumerate(items):
            waiting.append((pool.submit(room.work, number, item), weight(item)))
            held += waiting[-1][1]
            while waiting and (len(waiting) >= count or held > CAP):
                future, size = waiting.popleft()
                held -= size
                yield room.take(future)
        while waiting:
            yield room.take(waiting.popleft()[0])
    finally:
        room.open()
        pool.shutdown(cancel_futures=True)


def stacks(samples: Iterable[Array], batch: int) -> Iterator[Array]:
    """Neighbours of one shape, stacked, in order: at most `batch` of them and STACK bytes, but always one."""
    group: list[Array] = []
    for sample in samples:
        full = len(group) == batch or (len(group) + 1) * sample.nbytes > STACK
        if group and (full or sample.shape != group[0].shape):
            yield np.stack(group)
            group = []
        group.append(sample)
    if group:
        yield np.stack(group)


def windows(items: Iterable[T], count: int) -> Iterator[list[T]]:
    """Neighbours, `count` together, or as many of them as CAP bytes hold, but always one."""
    window: list[T] = []
    held = 0
    for item in items:
        if window and (len(window) == count or held + weight(item) > CAP):
            yield window
            window, held = [], 0
        window.append(item)
        held += weight(item)
    if window:
        yield window


def weight(value: object) -> int:
    """Bytes that a value keeps in memory, as far as they count here."""
    if isinstance(value, bytes):
        return len(value)
    if isinstance(value, tuple | list):
        return sum(weight(part) for part in value)
    if isinstance(value, dict):
        return sum(weight(part) for part in value.values())
    return int(getattr(value, "nbytes", 0))


class _Room(Generic[T, R]):
    """Results that nobody has taken yet. While they are too many, threads wait before they make more."""

    def __init__(self, work: Callable[[T], R]) -> None:
        self._work = work
        self._changed = threading.Condition()
        self._held = 0
        self._next = 0
        self._closing = False

    def work(self, number: int, item: T) -> R:
        # The thread that makes the next result never waits: nothing else would ever make room.
        with self._changed:
            self._changed.wait_for(lambda: self._held < CAP or number == self._next or self._closing)
        result = self._work(item)
        with self._changed:
            self._held += weight(result)
        return result

    def take(self, future: "Future[R]") -> R:
        result = future.result()
        with self._changed:
            self._held -= weight(result)
            self._next += 1
            self._changed.notify_all()
        return result

    def open(self) -> None:
        """Let all threads go: nobody takes any more."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
