"""The processes that a flow starts, and the signals that end it."""

import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from components.ending import Stopped

if TYPE_CHECKING:
    import psutil

# Seconds that a stage has after SIGTERM: for the step that it is in, its checkpoint, and what it has to deliver. All
# that follows a signal must fit into the 30 s that Kubernetes gives.
PATIENCE = 12.0


def children() -> "list[psutil.Process]":
    import psutil

    return list(psutil.Process().children(recursive=True))


def terminate(processes: "Iterable[psutil.Process]", patience: float = PATIENCE) -> None:
    """SIGTERM, time to write a checkpoint, then SIGKILL; returns when all are gone."""
    import psutil

    left = list(processes)
    for process in left:
        try:
            process.terminate()
        except psutil.Error:
            continue
    _, stubborn = psutil.wait_procs(left, timeout=patience)
    for process in stubborn:
        try:
            process.kill()
        except psutil.Error:
            continue
    psutil.wait_procs(stubborn, timeout=5)


@contextmanager
def stoppable() -> Iterator[None]:
    """SIGTERM raises Stopped once; further signals wait until everything is closed."""

    def stop(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise Stopped

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
