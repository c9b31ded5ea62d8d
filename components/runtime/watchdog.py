"""A deadline for each call of onnxruntime: one thread watches over all calls of the process."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import onnxruntime as ort

from components.errors import GraftlineError


@dataclass(eq=False)
class Call:
    """A call that is under way, to be stopped at `deadline` (of the monotonic clock)."""

    deadline: float
    options: ort.RunOptions = field(default_factory=ort.RunOptions)
    expired: bool = False


class Watchdog:
    """Stops calls that take too long. Its thread starts with the first call, and again in a process that was forked."""

    def __init__(self) -> None:
        self._calls: set[Call] = set()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    @contextmanager
    def within(self, seconds: float) -> Iterator[ort.RunOptions]:
        """Options for one call; raises GraftlineError where it was stopped after `seconds`.

        onnxruntime looks at the flag between operators: one huge operator ends late, which is why `runtime.trust`
        bounds their work.
        """
        call = Call(time.monotonic() + seconds)
        with self._changed:
            self._calls.add(call)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._watch, name="graftline-watchdog", daemon=True)
                self._thread.start()
            self._changed.notify()
        try:
            yield call.options
        except Exception:  # onnxruntime's own exceptions share no base but this one
            if call.expired:
                raise GraftlineError(
                    f"The model did not finish within {seconds:g} s and was stopped.",
                    "Use only releases that Graftline exported; on a slow machine, give it fewer samples at once.",
                ) from None
            raise
        finally:
            with self._changed:
                self._calls.discard(call)

    def _watch(self) -> None:
        with self._changed:
            while True:
                now = time.monotonic()
                for call in [call for call in self._calls if call.deadline <= now]:
                    call.expired = call.options.terminate = True
                    self._calls.discard(call)
                nearest = min((call.deadline for call in self._calls), default=None)
                self._changed.wait(None if nearest is None else nearest - now)


WATCHDOG = Watchdog()
