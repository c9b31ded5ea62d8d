"""How much of its cores a process gets: what others take from it, processes and other virtual machines alike."""

import hashlib
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

BLOCK = bytes(1 << 18)  # hashing it takes about 0.2 ms, and lets the other threads run


def cores_share(threads: int, seconds: float = 0.1) -> float:
    """Of the time of `threads` cores, the share that as many busy threads of this process get now: 1 where it is quiet.

    Unlike the load average it looks at this instant, counts what a hypervisor or a container's quota takes, and does
    not count this process.
    """
    with ThreadPoolExecutor(threads) as pool:
        spent = list(pool.map(lambda _: _spin(seconds), range(threads)))
    return min(1.0, sum(cpu for cpu, _ in spent) / sum(wall for _, wall in spent))


def load() -> float:
    """Processes that ran or wanted to, on average over the last minute; 0 where the system does not say."""
    return round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else 0.0


def stolen(call: Callable[[], None]) -> float:
    """Run `call`; the share of the machine's time that its hypervisor gave to others meanwhile (0 where unknown)."""
    before = _ticks()
    call()
    passed = [later - earlier for earlier, later in zip(before, _ticks(), strict=True)]
    total = sum(passed)
    return round(passed[7] / total, 3) if len(passed) > 7 and total else 0.0


def _spin(seconds: float) -> tuple[float, float]:
    """(CPU, wall) seconds of this thread, busy for `seconds`."""
    wall, cpu = time.perf_counter(), time.thread_time()
    while time.perf_counter() - wall < seconds:
        hashlib.sha256(BLOCK)
    return time.thread_time() - cpu, time.perf_counter() - wall


def _ticks() -> list[int]:
    """user, nice, system, idle, iowait, irq, softirq, steal, … of all cores, from /proc/stat."""
    path = Path("/proc/stat")
    return [int(number) for number in path.read_text().split("\n", 1)[0].split()[1:]] if path.exists() else []
