"""Whether the shares of classes have changed."""

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]
CHUNK = 20_000


def shares_test(
    reference: Counts, window: Counts, permutations: int, draw: np.random.Generator
) -> tuple[float, float]:
    """(χ², p) of two rows of counts (classes,): Pearson's χ² test of homogeneity, its p by permutation.

        χ² = Σ (observed - expected)² / expected,   expected = row total · column total / total
        p = (1 + #{permutations with at least this χ²}) / (1 + permutations)

    A permutation of the pooled samples gives the reference's row a multivariate hypergeometric draw of the pool, so
    the test is exact where cells hold too few for χ²'s distribution.
    """
    pool = reference + window
    kept = pool > 0
    pool, m, n = pool[kept], int(reference.sum()), int(window.sum())
    seen = _chi_squared(reference[kept][None], pool, m, n)[0]
    as_large = 0
    for start in range(0, permutations, CHUNK):
        rows = draw.multivariate_hypergeometric(pool, m, size=min(CHUNK, permutations - start))
        as_large += int((_chi_squared(rows, pool, m, n) >= seen - 1e-9).sum())
    return float(seen), (1 + as_large) / (1 + permutations)


def _chi_squared(rows: Counts, pool: Counts, m: int, n: int) -> npt.NDArray[np.float64]:
    """Of tables whose first row is one of `rows` (N, classes), and whose columns sum to `pool`."""
    share = pool / pool.sum()
    first = ((rows - m * share) ** 2 / (m * share)).sum(axis=1)
    second = ((pool - rows - n * share) ** 2 / (n * share)).sum(axis=1)
    return np.asarray(first + second)
