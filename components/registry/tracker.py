"""The tracker that stages get: it writes a journal, and a thread carries that to MLflow.

A stage waits for neither MLflow's import (seconds) nor its server: saying something costs one short write.
"""

import threading
import time
from collections.abc import Mapping
from pathlib import Path

from components.errors import redact
from components.params.operation import TrackingParams
from components.progress import log
from components.registry.delivery import DELIVERY, Deliverer
from components.registry.journal import Journal
from components.tracker import Value


class MlflowTracker:
    """Implements `tracker.Tracker` for stage `stage`. No method raises.

    Keys are put below the stage's name, so that two stages may both say `train_loss`.
    """

    def __init__(self, root: Path, tracking: TrackingParams, journal: Journal, stage: str) -> None:
        self._journal = journal
        self._stage = stage
        self._deliverer = Deliverer(root, tracking)
        self._sampler = SystemSampler(journal)
        self._complained = False

    def start(self) -> None:
        self._sampler.start()
        self._deliverer.start()

    def params(self, values: Mapping[str, Value]) -> None:
        self._say("params", {self._key(k): redact(v) if isinstance(v, str) else v for k, v in values.items()})

    def metrics(self, values: Mapping[str, float], step: int | None = None) -> None:
        self._say("metrics", {self._key(k): float(v) for k, v in values.items()}, step)

    def tags(self, values: Mapping[str, str]) -> None:
        self._say("tags", {self._key(k): redact(str(v)) for k, v in values.items()})

    def close(self, deadline: float = DELIVERY) -> None:
        """Deliver what is left; give up after `deadline` seconds: the next stage delivers it."""
        self._sampler.close()
        self._deliverer.close(deadline)

    def _key(self, key: str) -> str:
        return key if self._stage in key else f"{self._stage}/{key}"

    def _say(self, kind: str, values: Mapping[str, Value], step: int | None = None) -> None:
        try:
            self._journal.append(kind, values, step)
        except OSError as error:
            if not self._complained:
                log(f"Metrics are being lost: {error.strerror}. The stage continues.")
            self._complained = True


class SystemSampler(threading.Thread):
    """CPU and resident memory of this process and its children, every `interval` seconds.

    `system/cpu_percent`: 100 is one busy core; `system/rss_megabytes`: 10^6 bytes.
    """

    def __init__(self, journal: Journal, interval: float = 5.0) -> None:
        super().__init__(name="graftline-system", daemon=True)
        self._journal = journal
        self._interval = interval
        self._enough = threading.Event()
        self._before: tuple[float, float] | None = None

    def run(self) -> None:
        self.sample()
        while not self._enough.wait(self._interval):
            self.sample()

    def close(self) -> None:
        self._enough.set()
        self.join(1.0)
        self.sample()

    def sample(self) -> None:
        seconds, rss = _usage()
        now = time.monotonic()
        before, self._before = self._before, (now, seconds)
        values: dict[str, Value] = {"system/rss_megabytes": round(rss / 1e6, 1)}
        if before is not None and now > before[0]:
            values["system/cpu_percent"] = round(max(0.0, seconds - before[1]) / (now - before[0]) * 100, 1)
        try:
            self._journal.append("metrics", values, int(time.time()))
        except OSError:
            return  # the tracker itself says that the disk is full


def _usage() -> tuple[float, int]:
    """CPU seconds and resident bytes of this process and its descendants."""
    import psutil

    own = psutil.Process()
    seconds, rss = 0.0, 0
    for process in (own, *own.children(recursive=True)):
        try:
            with process.oneshot():
                times = process.cpu_times()
                seconds += times.user + times.system
                rss += process.memory_info().rss
        except psutil.Error:
            continue
    return seconds, rss
