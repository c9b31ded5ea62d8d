"""KLIEP: the ratio of densities under which the target, as the reweighted source, is likeliest.

Sugiyama, Suzuki, Nakajima, Kashima, von Bünau, Kawanabe: Direct Importance Estimation for Covariate Shift Adaptation,
Annals of the Institute of Statistical Mathematics 60, 2008, eq. 6 to 10. With at most 100 target samples c as centres,

    w(x) = Σ_l α_l exp(-‖x - c_l‖² / 2 σ²),       max over α ≥ 0 of  Σ_j log w(x'_j)   such that  mean_i w(x_i) = 1

over target samples x' and source samples x. σ has the largest likelihood of 5-fold cross-validation over x' (their
section 2.3), among multiples of the median distance between source and target.

The authors climb the gradient and step back onto the constraint; the problem is convex, so any solver ends there. At
its best the constraint's multiplier is 1, so that  Σ_l α_l b_l - mean_j log w(x'_j)  is left under α ≥ 0 alone, b_l
being the mean of the l-th kernel over the source. L-BFGS-B solves it for α b, which are shares of a mixture.
"""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize

from components.methods.importance import (
    SCALES,
    DensityRatio,
    Floats,
    Indices,
    drawn,
    gaussian,
    median_distance,
)

FOLDS = 5
# A centre that no source sample is near could carry any weight at no cost: it carries none.
NEAR = 1e-12
TINY = 1e-300


class KLIEP(DensityRatio):
    """Answers 'how do samples count?': by the ratio of densities that makes the target likeliest."""

    def _ratio(self, source: Floats, target: Floats, seed: int) -> Floats:
        centres = drawn(target, seed)
        width = likeliest_width(source, target, centres, seed)
        near = gaussian(source, centres, width)
        return near @ coefficients(near.mean(axis=0), gaussian(target, centres, width))


def coefficients(near: Floats, likely: Floats) -> Floats:
    """α (b,) from each centre's mean kernel over the source (b,) and its kernels at target samples (m, b)."""
    kept = near > NEAR
    scaled = likely[:, kept] / near[kept]

    def objective(shares: Floats) -> tuple[float, Floats]:
        ratio = np.maximum(scaled @ shares, TINY)
        return float(shares.sum() - np.log(ratio).mean()), 1 - (scaled / ratio[:, None]).mean(axis=0)

    found = minimize(
        objective,
        np.full(kept.sum(), 1 / kept.sum()),
        jac=True,
        method="L-BFGS-B",
        bounds=[(0.0, None)] * int(kept.sum()),
        options={"maxiter": 2000, "maxfun": 4000, "ftol": 0.0, "gtol": 1e-7},
    )
    alpha = np.zeros(len(near))
    alpha[kept] = found.x / found.x.sum() / near[kept]
    return alpha


def likeliest_width(source: Floats, target: Floats, centres: Floats, seed: int) -> float:
    """The median distance where there is one target sample, and nothing to cross-validate."""
    median = median_distance(source, centres)
    if len(target) < 2:
        return median
    order = np.random.default_rng(seed).permutation(len(target))
    folds = np.array_split(order, min(FOLDS, len(target)))
    widths = [scale * median for scale in SCALES]
    return max(widths, key=lambda width: _likelihood(source, target, centres, width, folds))


def _likelihood(
    source: Floats, target: Floats, centres: Floats, width: float, folds: Sequence[Indices]
) -> float:
    """Mean over folds of the mean log ratio at what the fold holds, fitted on the others."""
    near, likely = gaussian(source, centres, width).mean(axis=0), gaussian(target, centres, width)
    if not (near > NEAR).any():
        return -np.inf
    scores = []
    for fold in folds:
        alpha = coefficients(near, np.delete(likely, fold, axis=0))
        scores.append(np.log(np.maximum(likely[fold] @ alpha, TINY)).mean())
    return float(np.mean(scores))
