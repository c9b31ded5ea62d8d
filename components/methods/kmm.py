"""Kernel mean matching: weights with which the source's mean in a kernel's space becomes the target's.

Huang, Smola, Gretton, Borgwardt, Schölkopf: Correcting Sample Selection Bias by Unlabeled Data, NIPS 2006, eq. 12.
With n source samples x and m target samples x',

    min over β of  ½ βᵀ K β - κᵀ β      such that  0 ≤ β ≤ B  and  |Σ β - n| ≤ n ε,
    K_ij = k(x_i, x_j),    κ_i = n/m Σ_j k(x_i, x'_j),    B = 1000,    ε = (√n - 1) / √n

(B and ε as in the paper's experiments.) k is Gaussian; its width is the median distance between source and target.

The box is kept by L-BFGS-B, to a gradient of TOLERANCE per sample; for the sum, which seldom binds, its multiplier is
searched: the sum of the best β grows with it. 3,000 samples take some 5 seconds.
"""

import math

import numpy as np
from scipy.optimize import brentq, minimize

from components.methods.importance import DensityRatio, Floats, drawn, gaussian, median_distance

BOUND = 1000.0
TOLERANCE = 1e-5


class KMM(DensityRatio):
    """Answers 'how do samples count?': so that the means of features match."""

    def _ratio(self, source: Floats, target: Floats, seed: int) -> Floats:
        width = median_distance(source, drawn(target, seed))
        return match(gaussian(source, source, width), gaussian(source, target, width))


def match(kernel: Floats, across: Floats, tolerance: float = TOLERANCE) -> Floats:
    """β (n,) from kernels among source samples (n, n) and from them to target samples (n, m)."""
    count = len(kernel)
    kappa = count * across.mean(axis=1)
    slack = math.sqrt(count) * (math.sqrt(count) - 1)  # n ε
    free = _in_box(kernel, kappa, np.ones(count), tolerance)
    total = float(free.sum())
    nearest = min(max(total, count - slack), count + slack)
    if math.isclose(total, nearest, rel_tol=TOLERANCE):
        return free
    return _of_sum(kernel, kappa, nearest, free, tolerance)


def _in_box(kernel: Floats, linear: Floats, start: Floats, tolerance: float) -> Floats:
    def objective(beta: Floats) -> tuple[float, Floats]:
        pulled = kernel @ beta
        return float(beta @ (0.5 * pulled - linear)), pulled - linear

    found = minimize(
        objective,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=[(0.0, BOUND)] * len(linear),
        options={
            "maxiter": 5000,
            "maxfun": 10_000,
            "maxcor": 20,
            "ftol": 0.0,
            "gtol": tolerance * len(linear),
        },
    )
    best: Floats = found.x
    return best


def _of_sum(kernel: Floats, kappa: Floats, total: float, start: Floats, tolerance: float) -> Floats:
    """The best β whose sum is `total`."""
    best = start

    def excess(multiplier: float) -> float:
        nonlocal best
        best = _in_box(kernel, kappa + multiplier, best, tolerance)
        return float(best.sum()) - total

    reach = float(kappa.max()) + 1.0  # below -reach all of β is 0
    sign = 1.0 if start.sum() < total else -1.0
    while excess(sign * reach) * sign < 0:
        reach *= 2
    root = brentq(excess, *sorted((0.0, sign * reach)), xtol=1e-9 * len(kappa))
    excess(root)
    return best
