"""What weightings share: few dimensions, samples in one order, weights of 1 on average.

In the hundreds of dimensions of frozen features all samples are about equally far apart, and a ratio of densities says
little but which sample is which (Sugiyama, Suzuki, Kanamori: Density Ratio Estimation in Machine Learning, 2012,
chapter 8). So features are standardised and projected onto at most DIMENSIONS principal components, both fitted on
source and target together; after that, Gaussian kernels whose widths are measured in the median distance between a
source and a target sample.

Samples are put in the order of their bytes first: what is drawn, paired or summed does not depend on how they came.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from components.errors import DataError
from components.methods.base import Seen
from components.params.objectives import WeightingParams
from components.progress import log

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

DIMENSIONS = 50
CENTRES = 100
SCALES = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 4.0)  # of a kernel's width, in median distances
SCARCE = 0.1  # share of effective samples below which a user should look


@dataclass(frozen=True)
class Projected:
    """`Seen` in few dimensions and in the order of bytes: rows (N, d), target (M, d)."""

    rows: Floats
    targets: Indices
    of_target: npt.NDArray[np.bool_]
    target: Floats
    seed: int


class ProjectedWeighting:
    """Answers 'how do samples count?' from projected features."""

    def __init__(self, params: WeightingParams) -> None:
        self._name = params.method

    def __call__(self, seen: Seen) -> Floats:
        """(N,), at least 0, 1 on average.

        Raises DataError where there is nothing to compare, features are not finite, or no source sample counts.
        """
        _require_usable(seen, self._name)
        order, target = in_order(seen)
        raw = self._weigh(_projected(seen, order, target))
        weights = np.empty(len(order))
        weights[order] = raw / raw.mean()
        _tell(weights, self._name)
        return weights

    def _weigh(self, projected: Projected) -> Floats:
        """(N,) weights up to a factor; where target samples are not weighed, they count 1."""
        raise NotImplementedError


class DensityRatio(ProjectedWeighting):
    """A source sample counts p_target(x) / p_source(x), which is 1 on average over the source; a target sample 1."""

    def _weigh(self, projected: Projected) -> Floats:
        raw, of_source = np.ones(len(projected.rows)), ~projected.of_target
        if of_source.any():
            ratio = self._ratio(projected.rows[of_source], projected.target, projected.seed)
            self._require_some(ratio)
            raw[of_source] = ratio / ratio.mean()
        return raw

    def _require_some(self, ratio: Floats) -> None:
        if not ratio.sum() > 0:
            raise DataError(
                f"weighting.method {self._name!r} gives every source sample weight 0: none is like the target.",
                "Set weighting.method: none, or choose another source.",
            )

    def _ratio(self, source: Floats, target: Floats, seed: int) -> Floats:
        """(n,), the ratio at each of source (n, d); target (m, d)."""
        raise NotImplementedError


def effective_samples(weights: Floats) -> float:
    """ESS = (Σ w)² / Σ w², between 1 and N (Kish: Survey Sampling, 1965)."""
    return float(weights.sum() ** 2 / (weights**2).sum())


def gaussian(a: Floats, b: Floats, width: float) -> Floats:
    """(n, m), exp(-‖a_i - b_j‖² / (2 width²)) of a (n, d) and b (m, d)."""
    kernel: Floats = np.exp(cdist(a, b, "sqeuclidean") / (-2 * width**2))
    return kernel


def median_distance(a: Floats, b: Floats) -> float:
    """Of a sample of a (n, d) from one of b (m, d); 1 where most are the same."""
    return float(np.median(cdist(a, b))) or 1.0


def drawn(rows: Floats, seed: int, most: int = CENTRES) -> Floats:
    """At most so many of the rows, without one twice."""
    chosen = np.random.default_rng(seed).permutation(len(rows))[:most]
    return rows[np.sort(chosen)]


def in_order(seen: Seen) -> tuple[Indices, Indices]:
    """Positions of the labelled and of the target samples in the order of their bytes."""
    rows, target = (np.ascontiguousarray(f) for f in (seen.features, seen.target))
    targets = [np.ravel(row).tolist() for row in seen.targets]  # one number a sample, or several
    labelled = sorted(range(len(rows)), key=lambda i: (rows[i].tobytes(), targets[i], seen.of_target[i]))
    return np.array(labelled), np.array(sorted(range(len(target)), key=lambda i: target[i].tobytes()))


def _projected(seen: Seen, order: Indices, target_order: Indices) -> Projected:
    rows = seen.features[order].astype(np.float64)
    target = seen.target[target_order].astype(np.float64)
    of_target = seen.of_target[order]
    pooled = np.concatenate([rows[~of_target], target])
    scaler = StandardScaler().fit(pooled)
    components = PCA(min(DIMENSIONS, *pooled.shape), svd_solver="covariance_eigh")
    with np.errstate(invalid="ignore"):  # its shares of a variance of 0, which nobody reads
        components.fit(scaler.transform(pooled))
    low, low_target = (components.transform(scaler.transform(part)) for part in (rows, target))
    return Projected(low, seen.targets[order], of_target, low_target, seen.seed)


def _require_usable(seen: Seen, name: str) -> None:
    for what, features in (("training", seen.features), ("target", seen.target)):
        if not len(features):
            raise DataError(
                f"weighting.method {name!r}: there are no {what} samples.", "Look at domains and splits."
            )
        broken = np.flatnonzero(~np.isfinite(features).all(axis=1))
        if len(broken):
            raise DataError(
                f"weighting.method {name!r}: features of {len(broken)} {what} samples are NaN or infinite, "
                f"the first at position {broken[0]}.",
                "Remove the cache's store/ and extract them again; if they come back, those samples are broken.",
            )


def _tell(weights: Floats, name: str) -> None:
    effective, count = effective_samples(weights), len(weights)
    line = f"Weighting {name}: {count} samples count like {effective:.0f} (effective sample size)"
    if effective < SCARCE * count:
        line += f"; below {SCARCE:.0%}: few source samples are like the target, and these few decide"
    log(f"{line}.")
