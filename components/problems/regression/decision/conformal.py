"""Prediction intervals that hold their coverage for any model, from calibration samples that it never saw.

Split conformal (Lei, G'Sell, Rinaldo, Tibshirani & Wasserman, JASA 113, 2018, algorithm 2): prediction ± margin, the
margin being the ⌈(n + 1)·coverage⌉-th smallest absolute error of n calibration samples. Conformalised quantiles
(Romano, Patterson & Candès, NeurIPS 2019, algorithm 1): both learned quantiles moved outwards by such a rank of
max(low - y, y - high), which may be below 0. Where new samples come as the calibration samples did, a share of
`coverage` of them at least lies within, averaged over calibration sets: for each number by itself, not for all at once.
"""

import math

from components.problems.base import Array


def rank(count: int, coverage: float) -> int:
    """Which of the sorted scores the margin is, from 1 on; above `count` where there are too few."""
    return math.ceil((count + 1) * coverage - 1e-9)


def fewest(coverage: float) -> int:
    """Calibration samples that an interval of finite width needs."""
    return math.ceil(coverage / (1 - coverage) - 1e-9)


def margin(scores: Array, coverage: float) -> list[float] | None:
    """(n, k) scores → k margins, one for each number; None: n is too small, the interval would be infinite."""
    place = rank(len(scores), coverage)
    if place > len(scores):
        return None
    return [float(sorted(column)[place - 1]) for column in scores.T.tolist()]
