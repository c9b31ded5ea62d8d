"""How far an estimate may lie off, from the influences of its samples: with groups, from the sums of each group."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Plan:
    """What an interval has to hold for.

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
    reach: how many standard errors a bound lies off, by Student's t.
    """

    variance: float
    share: float
    reach: float

    @property
    def off(self) -> float:
        """How far a bound lies off."""
        return self.reach * math.sqrt(self.variance)


def wider(one: Spread, other: Spread) -> Spread:
    return one if one.off >= other.off else other


def spread(influence: Floats, plan: Plan, units: int | None = None) -> Spread:
    """Of an estimate whose samples have this influence (N,).

    Args:
        units: samples that degrees of freedom are counted by, where these are not all.
    """
    plain = float((influence**2).sum())
    if plan.groups is None:
        return Spread(plain, 1.0, reach(plan.tail, len(influence) if units is None else units))
    member = np.unique(plan.groups, return_inverse=True)[1]
    sums = np.asarray(np.bincount(member, weights=influence), dtype=np.float64)
    return _of_groups(sums, np.asarray(np.bincount(member), dtype=np.float64), plain, plan.tail)


def _of_groups(sums: Floats, sizes: Floats, plain: float, tail: float) -> Spread:
    """From the sums of the groups: their squares, G / (G - 1) times.

    Where few groups have all the influence (few contain an error), they are what degrees of freedom are counted by
    (Carter, Schnepel & Steigerwald, Review of Economics and Statistics 99, 2017). The share is smaller, too, by what t
    asks for more than a normal distribution; a whole group is never less than one independent sample (Kish's count).
    """
    least = float(sizes.sum()) / float((sizes**2).sum())
    squares = float((sums**2).sum())
    if not squares > 1e-300:
        return Spread(0.0, least, reach(tail, len(sums)))
    t = reach(tail, min(len(sums), squares**2 / float((sums**4).sum())))
    variance = squares * len(sums) / max(len(sums) - 1, 1)
    share = plain / variance * (float(special.ndtri(1 - tail)) / t) ** 2
    return Spread(variance, min(1.0, max(share, least)), t)


def reach(tail: float, units: float) -> float:
    return float(special.stdtrit(max(units - 1, 1), 1 - tail))


def unbiased(influence: Floats, targets: npt.NDArray[np.int64], plan: Plan) -> Floats:
    """Influences whose squares add up to DeLong's variance, of which each class has a part: m / (m - 1) times as much.

    With groups, `spread` corrects for their number instead.
    """
    if plan.groups is not None:
        return influence
    counts = np.bincount(targets)[targets]
    return np.asarray(influence * np.sqrt(counts / np.maximum(counts - 1, 1)))
