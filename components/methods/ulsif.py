"""uLSIF: the ratio of densities by least squares, in closed form.

Kanamori, Hido, Sugiyama: A Least-squares Approach to Direct Importance Estimation, JMLR 10, 2009, section 4. With at
most 100 target samples c as centres and φ_l(x) = exp(-‖x - c_l‖² / 2 σ²),

    w(x) = max(0, α)ᵀ φ(x),     α = (H + λ I)⁻¹ h,     H = mean_i φ(x_i) φ(x_i)ᵀ,     h = mean_j φ(x'_j)

over source samples x and target samples x'. σ and λ have the least error

    mean_i ( ½ w₋ᵢ(x_i)² - w₋ᵢ(x'_i) )

where w₋ᵢ is fitted without the i-th source and the i-th target sample: in closed form too (their section 4.3 and figure
2), since each removal changes H by one rank.
"""

import numpy as np

from components.methods.importance import SCALES, DensityRatio, Floats, drawn, gaussian, median_distance

PENALTIES = (1e-3, 1e-2, 1e-1, 1.0, 10.0)
PENALTY = 1e-1  # where nothing can be left out


class ULSIF(DensityRatio):
    """Answers 'how do samples count?': by the ratio of densities of least squared error."""

    def _ratio(self, source: Floats, target: Floats, seed: int) -> Floats:
        centres = drawn(target, seed)
        width, penalty = best_model(source, target, centres, seed)
        near = gaussian(source, centres, width)
        return near @ coefficients(near, gaussian(target, centres, width), penalty)


def coefficients(near: Floats, likely: Floats, penalty: float) -> Floats:
    """max(0, α) (b,) from the centres' kernels at source (n, b) and target samples (m, b)."""
    gram = near.T @ near / len(near) + penalty * np.eye(near.shape[1])
    return np.maximum(np.linalg.solve(gram, likely.mean(axis=0)), 0)


def best_model(source: Floats, target: Floats, centres: Floats, seed: int) -> tuple[float, float]:
    """σ and λ; the median distance and PENALTY where a side has one sample, and none can be left out."""
    median = median_distance(source, centres)
    if min(len(source), len(target)) < 2:
        return median, PENALTY
    draw = np.random.default_rng(seed)
    source, target = (draw.permutation(rows) for rows in (source, target))  # which are paired is chance
    errors = {}
    for width in (scale * median for scale in SCALES):
        near, likely = gaussian(source, centres, width), gaussian(target, centres, width)
        for penalty in PENALTIES:
            errors[width, penalty] = left_out_error(near, likely, penalty)
    return min(errors, key=lambda model: errors[model])


def left_out_error(near: Floats, likely: Floats, penalty: float) -> float:
    """Mean error over the first min(n, m) pairs, each left out; near (n, b), likely (m, b), n and m at least 2.

    Without sample i, H is (n H - φ φᵀ) / (n - 1): Sherman & Morrison give its inverse from B = H + λ (n - 1) / n.
    """
    n, m = len(near), len(likely)
    pairs = min(n, m)
    x, y = near[:pairs].T, likely[:pairs].T
    solved = np.linalg.inv(near.T @ near / n + penalty * (n - 1) / n * np.eye(len(x)))
    bx = solved @ x
    rest = n - (x * bx).sum(axis=0)
    mean = likely.mean(axis=0)
    b0 = (solved @ mean)[:, None] + bx * ((mean @ bx) / rest)
    b1 = solved @ y + bx * ((y * bx).sum(axis=0) / rest)
    alpha = np.maximum((n - 1) / (n * (m - 1)) * (m * b0 - b1), 0)
    at_source, at_target = (x * alpha).sum(axis=0), (y * alpha).sum(axis=0)
    return float((at_source**2 / 2 - at_target).mean())
