"""Whether two sets of embeddings come from one distribution: maximum mean discrepancy with a permutation test."""

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
from sklearn.metrics.pairwise import euclidean_distances

Array = npt.NDArray[np.floating]

FACTORS = (0.25, 0.5, 1.0, 2.0, 4.0)
NOISE = 1e-7  # of sums in single precision: what differs by less is equal
ROUNDING = 16 * np.finfo(np.float64).eps
CHUNK = 2000  # permutations at a time: 16 MB for 1000 samples


def mmd_test(
    reference: Array,
    window: Array,
    permutations: int,
    draw: np.random.Generator,
    advance: Callable[[int], object] = lambda count: None,
) -> tuple[float, float]:
    """(MMD², p) of `reference` (m, width) and `window` (n, width). `advance` hears how many permutations more are done.

        MMD² = 1/m² Σ k(xᵢ, xⱼ) + 1/n² Σ k(yᵢ, yⱼ) - 2/mn Σ k(xᵢ, yⱼ)
        p = (1 + #{permutations with at least this MMD²}) / (1 + permutations)

    (Gretton, Borgwardt, Rasch, Schölkopf & Smola, "A Kernel Two-Sample Test", JMLR 13, 2012, equation 5.) Where both
    are draws from one distribution, the pooled samples are exchangeable, and P(p ≤ α) ≤ α for any sizes and any
    kernel that is a function of the pool. The kernel's width is therefore taken from the pool: that of the
    reference alone would change with a permutation.
    """
    kernel = pooled_kernel(np.concatenate([reference, window]))
    sign = _contrast(len(reference), len(window))
    seen = float(sign @ kernel @ sign)
    as_large = 0
    for values in _null(kernel, sign, permutations, draw):
        as_large += int((values >= seen - NOISE).sum())
        advance(len(values))
    return seen, (1 + as_large) / (1 + permutations)


def pooled_kernel(points: Array) -> npt.NDArray[np.float32]:
    """(N, N): the mean of Gaussian kernels exp(-d² / 2fσ²) for f in FACTORS; σ² is the median of all d²."""
    wide = np.asarray(points, dtype=np.float64)
    squared = euclidean_distances(wide, squared=True)
    lengths = (wide**2).sum(axis=1)
    squared[squared <= ROUNDING * (lengths[:, None] + lengths)] = 0  # where all are one, σ would be rounding
    median = float(np.median(squared[np.triu_indices(len(points), 1)])) or 1.0
    kernels = [np.exp(-squared / (2 * factor * median)) for factor in FACTORS]
    return np.asarray(np.mean(kernels, axis=0), dtype=np.float32)


def _contrast(m: int, n: int) -> npt.NDArray[np.float32]:
    """Weights w (m + n,) with which MMD² is wᵀ K w."""
    return np.repeat([1 / m, -1 / n], [m, n]).astype(np.float32)


def _null(
    kernel: Array, sign: Array, permutations: int, draw: np.random.Generator
) -> Iterator[npt.NDArray[np.float64]]:
    """MMD² of permuted samples, by products with permuted weights."""
    for start in range(0, permutations, CHUNK):
        count = min(CHUNK, permutations - start)
        weights = draw.permuted(np.tile(sign, (count, 1)), axis=1)
        yield ((weights @ kernel) * weights).sum(axis=1, dtype=np.float64)
