"""Intervals of metrics that are functions of sums over images."""

import math
from collections.abc import Callable
from typing import TypeVar

from components.evaluation.intervals import Ends, Method, Outcome
from components.evaluation.spread import Floats, Plan, spread

LEAST = 30  # images
Given = TypeVar("Given", bound=Outcome)


def method(kind: str, value: Callable[[Given], float], influence: Callable[[Given], Floats]) -> Method[Given]:
    """Student's t of influences (N,), whose sum is 0; no narrower than images that were not met could make it."""

    def within(middle: float, influences: Floats, plan: Plan) -> Ends:
        unseen = min(1.0, -math.log(plan.tail) / len(influences))
        off = max(spread(influences, plan).off, unseen)
        return middle - off, middle + off

    return Method(
        kind,
        "t of influences",
        lambda one, plan: within(value(one), influence(one), plan),
        "t of differences",
        lambda one, other, plan: within(value(one) - value(other), influence(one) - influence(other), plan),
        LEAST,
    )
