"""How right a release is, estimated where nobody knows the labels."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from components.evaluation.intervals import Interval

Array = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]

RESAMPLES = 1000
# Confidences that differ by less are tied: single precision near 1 has steps of 6e-8, and one confidence can come out
# a few of them apart, depending on which class it is of.
TIED = 3e-7


def estimated(
    reference: Array, right: npt.NDArray[np.bool_], window: Array, level: float, draw: np.random.Generator
) -> Interval:
    """Accuracy on `window` (M,) by average thresholded confidence, from a labelled reference (N,).

    Garg, Balakrishnan, Lipton, Neyshabur & Sedghi, "Leveraging Unlabeled Data to Predict Out-of-Distribution
    Performance", ICLR 2022, equations 1 and 2, with the confidence in the decision as its score: the threshold t is
    where the share of the reference's confidences above it is its accuracy a, and the estimate is the window's share.
    Confidences tied with t count by the part λ that makes the reference right (the paper presumes that none are):

        share(c > t) + λ share(c = t),      λ = (a - share of the reference(c > t)) / share of the reference(c = t)

    The interval is that of the Bayesian bootstrap (Rubin, Annals of Statistics 9, 1981): both sides' samples get random
    weights, those of a uniform Dirichlet distribution. For the lower bound each side has one sample more, the worst
    that could be: a wrong decision of the highest confidence, and a confidence below all; for the upper bound the
    best. So, as Clopper and Pearson's interval, which is this for a plain proportion, it keeps a width where all
    decisions are right. It covers the noise of so few samples, and not whether the method's premise holds, that
    confidence means on these data what it meant on the reference.
    """
    ours, theirs = _places(reference, window)
    sides = _Sides.of(ours, right, theirs)
    even = (np.ones((1, len(side))) for side in (ours, theirs))
    estimate = float(sides.shares(*even)[0])
    tails = (1 - level) / 2, (1 + level) / 2
    bounds = (
        float(np.quantile(sides.with_one_more(best).drawn(draw), tail))
        for best, tail in zip((False, True), tails, strict=True)
    )
    low, high = bounds
    return Interval(
        estimate, min(low, estimate), max(high, estimate), len(window), "average thresholded confidence"
    )


@dataclass(frozen=True)
class _Sides:
    """Both sides in the order of their confidences, as places: equal where confidences are tied.

    Attributes:
        ours, right: of the reference, (N,). theirs: of the window, (M,).
    """

    ours: Places
    right: npt.NDArray[np.bool_]
    theirs: Places

    @classmethod
    def of(cls, ours: Places, right: npt.NDArray[np.bool_], theirs: Places) -> Self:
        order = np.argsort(ours, kind="stable")
        return cls(ours[order], right[order], np.sort(theirs))

    def with_one_more(self, best: bool) -> Self:
        """Each side with the best sample that could be, or with the worst."""
        least, most = np.iinfo(np.int64).min, np.iinfo(np.int64).max
        # A right decision of the least confidence lowers the threshold, a wrong one of the highest raises it.
        ours, theirs = (least, most) if best else (most, least)
        return self.of(
            np.append(self.ours, ours), np.append(self.right, best), np.append(self.theirs, theirs)
        )

    def drawn(self, draw: np.random.Generator) -> Array:
        """(RESAMPLES,) estimates by random weights."""
        return self.shares(
            *(draw.standard_exponential((RESAMPLES, len(s))) for s in (self.ours, self.theirs))
        )

    def shares(self, weights: Array, others: Array) -> Array:
        """(D,) estimates, where the samples of the reference weigh (D, N) and those of the window (D, M)."""
        wrong = weights @ (~self.right).astype(np.float64)
        below = _cumulative(weights)
        # The first sample at which the weight so far exceeds that of the wrong decisions; the last where none does.
        at = np.minimum((below[:, 1:] <= wrong[:, None]).sum(axis=1), len(self.ours) - 1)
        place = self.ours[at]
        above, tied = _around(below, self.ours, place)
        part = np.clip((below[:, -1] - wrong - above) / tied, 0, 1)
        beyond = _cumulative(others)
        above, tied = _around(beyond, self.theirs, place)
        return np.asarray((above + part * tied) / beyond[:, -1])


def _cumulative(weights: Array) -> Array:
    """(D, N + 1): the weight of the first 0, 1, … N samples."""
    return np.concatenate([np.zeros((len(weights), 1)), np.cumsum(weights, axis=1)], axis=1)


def _around(below: Array, places: Places, at: Places) -> tuple[Array, Array]:
    """Weights (D,) of the samples above the places `at` (D,), and of those that are there; `places` are sorted."""
    rows = np.arange(len(at))
    first, past = (below[rows, np.searchsorted(places, at, side)] for side in ("left", "right"))
    return below[:, -1] - past, past - first


def _places(reference: Array, window: Array) -> tuple[Places, Places]:
    """The confidences of both sides as whole numbers of the same order, equal where tied."""
    both = np.concatenate([reference, window])
    order = np.argsort(both, kind="stable")
    places = np.empty(len(both), dtype=np.int64)
    places[order] = np.concatenate([[0], np.cumsum(np.diff(both[order]) > TIED)])
    return places[: len(reference)], places[len(reference) :]
