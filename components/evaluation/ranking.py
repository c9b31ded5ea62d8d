"""Average precision of a ranking by score, how much each sample moves it, and its interval."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from components.evaluation.kinds import apart, score_interval
from components.evaluation.spread import Floats, Plan, Spread, spread

Ends = tuple[float, float]


@dataclass(frozen=True)
class Ranked:
    """Of each distinct score (D,), falling: its positives, and positives and samples from the highest score to it.

    Attributes:
        place: (N,) which of them is the score of a sample.
    """

    hits: Floats
    true: Floats
    predicted: Floats
    place: npt.NDArray[np.int64]

    @property
    def mean(self) -> float:
        """Average precision; NaN without positives."""
        count = float(self.hits.sum())
        return float((self.hits * self.true / self.predicted).sum()) / count if count else float("nan")

    @property
    def mean_without_itself(self) -> float:
        """Average precision without the part that each positive has in its own precision, which flatters the mean."""
        others = np.maximum(self.predicted - 1, 1)
        precision = np.where(self.predicted > 1, (self.true - 1) / others, 1.0)
        return float((self.hits * precision).sum() / self.hits.sum())


def ranked(scores: Floats, positive: npt.NDArray[np.bool_]) -> Ranked:
    distinct, place = np.unique(-scores, return_inverse=True)
    hits, samples = (np.bincount(place, weights=w, minlength=len(distinct)) for w in (positive, None))
    return Ranked(
        np.asarray(hits, np.float64),
        np.cumsum(hits, dtype=np.float64),
        np.cumsum(samples, dtype=np.float64),
        place,
    )


def influence(scores: Floats, positive: npt.NDArray[np.bool_]) -> Floats:
    """(N,) of average precision: a sample counts by itself, and at each positive of at most its score."""
    found = ranked(scores, positive)
    precision = found.true / found.predicted
    as_hit = np.cumsum((found.hits / found.predicted)[::-1])[::-1]
    as_sample = np.cumsum((found.hits * precision / found.predicted)[::-1])[::-1]
    each = positive * (precision - found.mean + as_hit)[found.place] - as_sample[found.place]
    return np.asarray(each / found.hits.sum())


def interval(curves: Sequence[Ranked], influences: Floats, smaller: int, plan: Plan) -> Ends:
    """Of the mean of average precisions: by its influences (N,) on the logit scale, and no narrower than samples that
    it does not show could make it.

    Of a kind of samples that none of n shows, there are -log(tail) in n at most (the rule of three). One negative with
    the highest score costs more than any influence of those that are there.

    Args:
        smaller: samples of the smallest side, positives or negatives, of any of them.
    """
    mean = float(np.mean([curve.mean for curve in curves]))
    held = spread(influences, plan, smaller)
    unseen = -math.log(plan.tail) / held.share
    low, high = precision_bounds(curves, held)
    negatives_first = np.mean(
        [(r.hits * r.true / (r.predicted + unseen)).sum() / r.hits.sum() for r in curves]
    )
    positives_last = np.mean([r.mean * r.hits.sum() / (r.hits.sum() + unseen) for r in curves])
    return min(low, float(negatives_first), float(positives_last)), max(high, mean)


def difference(
    curves: tuple[Sequence[Ranked], Sequence[Ranked]],
    influences: tuple[Floats, Floats],
    smaller: int,
    plan: Plan,
) -> Ends:
    """Of two models' means of average precisions, the outermost of two: by the difference of influences (N,), and from
    the bounds of either model on the logit scale, correlated as the influences are.

    The first alone errs in 4.7 to 6.5 % where the models' precisions differ much: the worse one's spread falls as it
    rises.

    Args:
        smaller: as `interval` takes it.
    """
    values = [float(np.mean([curve.mean for curve in of])) for of in curves]
    held = spread(influences[0] - influences[1], plan, smaller)
    # What one sample that moves from the top of the order to its end takes from the metric.
    jump = 1 / (smaller * len(curves[0]))
    low, high = score_interval(values[0] - values[1], held, jump)
    each = [spread(influence, plan, smaller) for influence in influences]
    first, second = (precision_bounds(*of) for of in zip(curves, each, strict=True))
    product = max(4 * each[0].variance * each[1].variance, 1e-300)
    shared = each[0].variance + each[1].variance - held.variance
    correlation = float(np.clip(shared / math.sqrt(product), -1, 1))
    least, most = apart((values[0], values[1]), (first, second), correlation)
    return min(low, least), max(high, most)


def precision_bounds(curves: Sequence[Ranked], held: Spread) -> Ends:
    """On the logit scale; down without the part that each positive has in its own precision."""
    without, mean = (
        float(np.mean(each)) for each in zip(*((c.mean_without_itself, c.mean) for c in curves), strict=True)
    )
    return logit_interval(without, held)[0], logit_interval(mean, held)[1]


def logit_interval(share: float, held: Spread) -> Ends:
    """Bounds of a share from its spread, on the scale of log-odds; none where it is 0 or 1."""
    if not 0 < share < 1:
        return share, share
    middle = math.log(share / (1 - share))
    off = held.off / (share * (1 - share))
    return float(special.expit(middle - off)), float(special.expit(middle + off))
