"""How the learning rate moves: a factor of the peak rate, as a function of the share of a phase that is done.

A pure function of progress has no state to save.
"""

import math
from collections.abc import Callable

WARM = 0.3


def one_cycle(progress: float) -> float:
    """Half a cosine from 1/25 up to 1 in the first 30 %, then one down to 1/250 000 (Smith & Topin 2019)."""
    if progress < WARM:
        return _between(1 / 25, 1.0, progress / WARM)
    return _between(1.0, 1 / 250_000, (progress - WARM) / (1 - WARM))


def cosine(progress: float) -> float:
    """(1 + cos(π p)) / 2 (Loshchilov & Hutter 2017, without restarts)."""
    return _between(1.0, 0.0, progress)


def constant(progress: float) -> float:
    return 1.0


def _between(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


SCHEDULES: dict[str, Callable[[float], float]] = {
    "one_cycle": one_cycle,
    "cosine": cosine,
    "constant": constant,
}
