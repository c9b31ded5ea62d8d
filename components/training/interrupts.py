"""How a training is stopped: by a signal, at the end of a step; in tests, by a crash at a named point."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from components.errors import Interrupted

CRASH_POINT = "GRAFTLINE_CRASH_AT"


class Stop:
    """Remembers that SIGTERM came."""

    def __init__(self) -> None:
        self.asked = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self.asked = True

    def check(self) -> None:
        """Raise Interrupted if SIGTERM came."""
        if self.asked:
            raise Interrupted(
                "Training was stopped by SIGTERM; the last whole epoch is kept.",
                "The same command continues from there.",
            )


@contextmanager
def graceful() -> Iterator[Stop]:
    """Within, SIGTERM lets the step finish. Only the main thread can be asked so."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGTERM, before)


def crash_point(name: str) -> None:
    """Die here, as by a power cut, if the environment names this point: the fault tests' injector."""
    if os.environ.get(CRASH_POINT) == name:
        os.kill(os.getpid(), signal.SIGKILL)
