"""The expected calibration error in 15 equal bins, and its intervals: of one probability a sample, or one a label.

Of one it is Guo et al.'s (ICML 2017, eq. 3). Of several it is the mean over labels of each label's own, with bins of
its own (classwise-ECE: Kull et al., NeurIPS 2019; Nixon et al., CVPR Workshops 2019): labels whose probabilities are
too high do not make up for those whose are too low.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy import special

from components.evaluation.kinds import Ends, score_interval
from components.evaluation.spread import Floats, Plan, Spread, spread, wider

BINS = 15
SIGNIFICANT = 1.5  # standard errors that a bin's gap may reach by noise
Cells = npt.NDArray[np.int64]


def bins(probabilities: Floats) -> Cells:
    """Index of the bin of each: ((m-1)/15, m/15] has index m-1, as in Guo et al.; 0 lies in the first."""
    return np.searchsorted(np.arange(1, BINS) / BINS, probabilities, side="left")


def reliability(probabilities: Floats, true: npt.NDArray[np.bool_]) -> list[tuple[float, float, int]]:
    """(mean probability, share that came true, count) of each bin that holds some of (N,)."""
    of = bins(probabilities)
    return [
        (float(probabilities[of == b].mean()), float(true[of == b].mean()), int((of == b).sum()))
        for b in np.unique(of)
    ]


@dataclass(frozen=True)
class Gaps:
    """What came true, 0 or 1, minus its probability.

    Attributes:
        signed: (N, L).
        cells: (N, L) of which bin each is; those of different labels differ.
        variance: (N, L) that each would have if its probability was right.
    """

    signed: Floats
    cells: Cells
    variance: Floats

    @classmethod
    def of_one(cls, probability: Floats, true: npt.NDArray[np.bool_]) -> "Gaps":
        """(N,) each."""
        return cls.of_labels(probability[:, None], true[:, None])

    @classmethod
    def of_labels(cls, probabilities: Floats, true: npt.NDArray[np.bool_]) -> "Gaps":
        """(N, L) each."""
        cells = bins(probabilities) + BINS * np.arange(probabilities.shape[1])
        # A probability of float32 may lie above 1.
        return cls(true - probabilities, cells, np.maximum(probabilities * (1 - probabilities), 0.0))

    @cached_property
    def sums(self) -> Floats:
        """Of each cell."""
        return np.asarray(np.bincount(self.cells.ravel(), weights=self.signed.ravel()))

    @property
    def error(self) -> float:
        """The expected calibration error.

        Of samples it is larger than of the whole population: noise in a bin does not cancel that of others.
        """
        return float(np.abs(self.sums).sum() / self.signed.size)

    @cached_property
    def influence(self) -> Floats:
        """(N,) of the error."""
        return self._influence(np.where(self.sums < 0, -1.0, 1.0)[self.cells])

    @cached_property
    def in_one(self) -> Floats:
        """(N,) of the error, where the gaps of all cells have one sign."""
        return self._influence(np.ones(1))

    def held(self, plan: Plan) -> Spread:
        """Of the error; no narrower than where the gaps of all cells have one sign."""
        return wider(spread(self.influence, plan), spread(self.in_one, plan))

    def _influence(self, signs: Floats) -> Floats:
        turned = (self.signed * signs).mean(axis=1)
        return np.asarray((turned - turned.mean()) / len(turned))

    def noise(self, plan: Plan) -> float:
        """How much of the error may be noise: a cell's gap of either sign counts.

        By the mean of |N(g, s²)| - g, which is largest without a gap: s² adds up the squares of a cell's samples (of
        the sums of groups), and for g stands what its gap is more than SIGNIFICANT times s. A sample is once in a cell
        at most, so that what its labels have in common does not matter.

        s² is no smaller than right probabilities make it: where a model is sure, or a label rare, all samples of a cell
        may come out the same way, and lie off by as little to the same side, which would pass for a gap. In groups, by
        so much more as fewer independent samples are there.
        """
        signed, cells = self.signed.ravel(), self.cells.ravel()
        usual = np.bincount(cells, weights=self.variance.ravel()) / self.held(plan).share
        if plan.groups is not None:
            member = np.repeat(np.unique(plan.groups, return_inverse=True)[1], self.signed.shape[1])
            both, place = np.unique(cells * len(self.signed) + member, return_inverse=True)
            cells, signed = both // len(self.signed), np.asarray(np.bincount(place, weights=signed))
        s = np.sqrt(np.maximum(np.maximum(np.bincount(cells, weights=signed**2), usual), 1e-300))
        g = np.maximum(np.abs(np.bincount(cells, weights=signed)) / s - SIGNIFICANT, 0)
        added = math.sqrt(2 / math.pi) * np.exp(-(g**2) / 2) - 2 * g * special.ndtr(-g)
        return float((s * added).sum() / self.signed.size)


def interval(gaps: Gaps, plan: Plan) -> Ends:
    """By influences, and no narrower than Wilson's of all samples; down, also by what noise may have added.

    A cell's sign may be noise. Where a group is right more often throughout, wrong signs cancel what it moves, so the
    bounds are no narrower than those of equal signs either. Down, they are no narrower than right probabilities make
    them: without that, 90 % of lower bounds lay above 0 for ten samples whose right probability is 0.99.
    """
    held = gaps.held(plan)
    right = float(gaps.variance.sum()) / gaps.variance.size**2 / held.share
    usual = wider(held, Spread(right, held.share, held.reach))
    error = gaps.error
    least = max(error - gaps.noise(plan), 0.0)
    count = len(gaps.signed) * held.share
    low, high = wilson(least, count, held.reach)[0], wilson(error, count, held.reach)[1]
    return min(least - usual.off, low), max(error + held.off, high)


def difference(one: Gaps, other: Gaps, plan: Plan) -> Ends:
    """By the difference of influences; either way, also by what noise may have added to the error on that side.

    With groups, no narrower than if the gaps had opposite signs: what a group has in common moves a gap near 0 to
    either side, in all cells at once.
    """
    held = wider(spread(one.influence - other.influence, plan), spread(one.in_one - other.in_one, plan))
    if plan.groups is not None:
        held = wider(held, spread(one.in_one + other.in_one, plan))
    between = one.error - other.error
    low, high = between - one.noise(plan), between + other.noise(plan)
    jump = 1 / len(one.signed)
    return score_interval(low, held, jump)[0], score_interval(high, held, jump)[1]


def wilson(share: float, count: float, z: float) -> Ends:
    """Wilson, JASA 22 (1927)."""
    k = z * z / count
    root = math.sqrt(k * share * (1 - share) + k * k / 4)
    return (share + k / 2 - root) / (1 + k), (share + k / 2 + root) / (1 + k)
