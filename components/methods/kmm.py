"""Kernel mean matching: weights with which the source's mean in a kernel's space becomes the target's.

Huang, Smola, Gretton, Borgwardt, Schölkopf: Correcting Sample Selection Bias by Unlabeled Data, NIPS 2006, eq. 12.
With n source samples x and m target samples x',

    min over β of  ½ βᵀ K β - κᵀ β      such that  0 ≤ β ≤ B  and  |Σ β - n| ≤ n ε,
    K_ij = k(x_i, x_j),    κ_i = n/m Σ_j k(x_i, x'_j),    B = 1000,    ε = (√n - 1) / √n

(B and ε as in the paper's experiments.) k is Gaussian; its width is the median distance between source and target.

To the objective comes RIDGE/2 ‖β - 1‖², which the paper has not: K has directions along which the means hardly change,
and without it β follows the noise there. On real features (benchmarks/kmm_ridge.py; means of 5 draws; AUROC of a
logistic head on the target, less that without weights, ± its standard error):

    ridge                                                        0     0.001  0.01   0.1    1
    solar cells, two halves of one type: mean |β - 1|, mono      1.20  1.14   0.89   0.54   0.30
                                                       poly      1.21  1.15   0.91   0.54   0.28
                                         AUROC, mono (± 0.01)   -.023  -.021  -.014  -.007  -.003
                                                poly (± 0.01)   -.026  -.024  -.014  -.005   .000
    distance of means left, mono to poly                         .656  .656   .656   .662   .724
                            poly to mono                         .796  .796   .796   .798   .822
                            breast cancer, selected              .394  .394   .395   .414   .533
    AUROC, mono to poly (± 0.03)                                -.075  -.074  -.074  -.057  -.027
           poly to mono (± 0.04)                                -.133  -.133  -.140  -.159  -.020
           breast cancer, selected (± 0.01)                     -.007  -.007  -.007  -.003   .001

At 0.1 the means match almost as well as without a ridge, where nothing differs the weights are off by less than half as
much, and AUROC is no worse beyond its standard error. Below 0.01 hardly anything changes. With no ridge up to 0.1 was
AUROC better than without weights.

A quadratic program, solved by a primal-dual interior-point method with Mehrotra's predictor and corrector (Nocedal &
Wright, Numerical Optimization, 2006, algorithm 16.4), until the duality gap is GAP of the objective. Kernels in few
dimensions are almost singular, and there a gradient method such as L-BFGS-B stalls far from the best β. 3,000 samples
take some 10 seconds.
"""

import math

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from components.methods.importance import DensityRatio, Floats, drawn, gaussian, median_distance

BOUND = 1000.0
RIDGE = 0.1
GAP = 1e-12
STEPS = 100  # some 10 to 30 are taken
NEAR = 0.995  # of the way to the nearest bound


class KMM(DensityRatio):
    """Answers 'how do samples count?': so that the means of features match."""

    def _ratio(self, source: Floats, target: Floats, seed: int) -> Floats:
        width = median_distance(source, drawn(target, seed))
        return match(gaussian(source, source, width), gaussian(source, target, width), RIDGE)


def match(kernel: Floats, across: Floats, ridge: float = 0.0) -> Floats:
    """β (n,) from kernels among source samples (n, n) and from them to target samples (n, m)."""
    count = len(kernel)
    slack = math.sqrt(count) * (math.sqrt(count) - 1)  # n ε
    if slack == 0:  # a single sample: its β is the sum
        return np.ones(count)
    point = _Point(
        kernel + ridge * np.eye(count), count * across.mean(axis=1) + ridge, (count - slack, count + slack)
    )
    for _ in range(STEPS):
        if point.gap() <= GAP * max(abs(point.objective()), 1.0) or not point.step():
            break
    return point.beta


class _Point:
    """A strictly feasible β with the multipliers z of its constraints, whose slacks s are

    β - 0,   B - β,   Σ β - least,   most - Σ β.
    """

    def __init__(self, kernel: Floats, linear: Floats, sums: tuple[float, float]) -> None:
        self._kernel, self._linear, self._sums = kernel, linear, sums
        self.beta = np.ones(len(linear))
        self._z = np.maximum(float(np.abs(linear).max()), 1.0) / self._slacks()

    def objective(self) -> float:
        return float(self.beta @ (0.5 * self._kernel @ self.beta - self._linear))

    def gap(self) -> float:
        """What the objective may lie above its least, where the gradient is balanced; else that imbalance as well."""
        imbalance = np.abs(self._imbalance()).max() * self.beta.sum()
        return float(self._slacks() @ self._z + imbalance)

    def step(self) -> bool:
        """Move; False where rounding leaves no direction to move in."""
        s, z = self._slacks(), self._z
        ratio = z / s
        n = len(self.beta)
        matrix = self._kernel + (ratio[-2] + ratio[-1])
        matrix[np.diag_indices(n)] += ratio[:n] + ratio[n : 2 * n]
        try:
            factors = cho_factor(matrix, lower=True, overwrite_a=True, check_finite=False)
        except LinAlgError:
            return False

        def towards(products: Floats) -> tuple[Floats, Floats, Floats]:
            """Newton's direction (β, s, z) in which s z grows by `products`."""
            beta = cho_solve(factors, _pulled(products / s, n) - self._imbalance(), check_finite=False)
            slacks = _pushed(beta)
            return beta, slacks, (products - z * slacks) / s

        mean = float(s @ z) / len(s)
        _, ds, dz = towards(-s * z)
        ahead = min(1.0, _reach(s, ds), _reach(z, dz))
        predicted = float((s + ahead * ds) @ (z + ahead * dz)) / len(s)
        centred = (predicted / mean) ** 3 * mean
        beta, ds, dz = towards(centred - s * z - ds * dz)
        length = min(1.0, NEAR * min(_reach(s, ds), _reach(z, dz)))
        self.beta, self._z = self.beta + length * beta, z + length * dz
        return True

    def _slacks(self) -> Floats:
        least, most = self._sums
        n = len(self.beta)
        room = np.concatenate([np.zeros(n), np.full(n, BOUND), [-least, most]])
        return np.asarray(_pushed(self.beta) + room)

    def _imbalance(self) -> Floats:
        return np.asarray(self._kernel @ self.beta - self._linear - _pulled(self._z, len(self.beta)))


def _pushed(beta: Floats) -> Floats:
    """How the slacks change (2n + 2,) with β (n,)."""
    return np.concatenate([beta, -beta, [beta.sum(), -beta.sum()]])


def _pulled(multipliers: Floats, n: int) -> Floats:
    """How multipliers (2n + 2,) pull at β (n,)."""
    pulled: Floats = multipliers[:n] - multipliers[n : 2 * n] + (multipliers[-2] - multipliers[-1])
    return pulled


def _reach(values: Floats, direction: Floats) -> float:
    """How far along `direction` all of `values` stay at or above 0; at most 1e9."""
    falling = direction < 0
    return float(np.min(-values[falling] / direction[falling], initial=1e9))
