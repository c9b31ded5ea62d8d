"""How far an estimate may lie off, from the influences of its samples: with groups, from the sums of each group."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from components.evaluation.metrics import Classes, Floats


@dataclass(frozen=True)
class Plan:
    """What an interval shall hold for.

    Attributes:
        groups: (N,) of any type, or None: samples of one group are not independent.
    """

    confidence: float
    groups: npt.NDArray[np.generic] | None = None

    @property
    def tail(self) -> float:
        return (1 - self.confidence) / 2

    def only(self, chosen: npt.NDArray[np.bool_]) -> "Plan":
        """The same plan for some of the samples."""
        return Plan(self.confidence, None if self.groups is None else self.groups[chosen])


@dataclass(frozen=True)
class Spread:
    """Attributes:
    variance: of the estimate.
    share: independent samples that a sample counts for, 1 at most (Korn & Graubard, Survey Methodology 24, 1998).
    reach: how many standard errors a bound lies off: of Student's t with one degree of freedom less than units.
    """

    variance: float
    share: float
    reach: float


def spread(influence: Floats, plan: Plan, units: int | None = None) -> Spread:
    """Of an estimate whose samples have this influence (N,).

    With groups, the variance is that of their sums, G / (G - 1) times the squares, and the share is smaller by what
    t asks for more than a normal distribution. Where no sample has influence, a group counts for one.

    Args:
        units: samples that the degrees of freedom are counted by, where these are not all.
    """
    plain = float((influence**2).sum())
    if plan.groups is None:
        count = len(influence) if units is None else units
        return Spread(plain, 1.0, reach(plan.tail, count))
    member = np.unique(plan.groups, return_inverse=True)[1]
    count = int(member.max()) + 1
    sums = np.bincount(member, weights=influence)
    variance = float((sums**2).sum()) * count / max(count - 1, 1)
    t = reach(plan.tail, count)
    if not plain > 0:
        return Spread(0.0, count / len(influence), t)
    normal = float(special.ndtri(1 - plan.tail))
    return Spread(variance, min(1.0, plain / variance * (normal / t) ** 2), t)


def reach(tail: float, units: int) -> float:
    return float(special.stdtrit(max(units - 1, 1), 1 - tail))


def unbiased(influence: Floats, targets: Classes, plan: Plan) -> Floats:
    """Influences whose squares add up to DeLong's variance, of which each class has a part: m / (m - 1) times as much.

    With groups, `spread` corrects for their number instead.
    """
    if plan.groups is not None:
        return influence
    counts = np.bincount(targets)[targets]
    return np.asarray(influence * np.sqrt(counts / np.maximum(counts - 1, 1)))
