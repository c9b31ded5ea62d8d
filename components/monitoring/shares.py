"""Whether the shares of classes, or of labels of which a sample has several, have changed."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]
CHUNK = 20_000
ROWS = 2000  # permutations of samples at a time: 16 MB for 1000 samples


def shares_test(
    reference: Counts,
    window: Counts,
    permutations: int,
    draw: np.random.Generator,
    advance: Callable[[int], object] = lambda count: None,
) -> tuple[float, float]:
    """(χ², p) of two rows of counts (classes,): Pearson's χ² test of homogeneity, its p by permutation.

        χ² = Σ (observed - expected)² / expected,   expected = row total · column total / total
        p = (1 + #{permutations with at least this χ²}) / (1 + permutations)

    A permutation of the pooled samples gives the reference's row a multivariate hypergeometric draw of the pool, so
    the test is exact where cells hold too few for χ²'s distribution. `advance` hears how many more are done.
    """
    pool = reference + window
    kept = pool > 0
    pool, m, n = pool[kept], int(reference.sum()), int(window.sum())
    seen = _chi_squared(reference[kept][None], pool, m, n)[0]
    as_large = 0
    for start in range(0, permutations, CHUNK):
        rows = draw.multivariate_hypergeometric(pool, m, size=min(CHUNK, permutations - start))
        as_large += int((_chi_squared(rows, pool, m, n) >= seen - 1e-9).sum())
        advance(len(rows))
    return float(seen), (1 + as_large) / (1 + permutations)


def _chi_squared(rows: Counts, pool: Counts, m: int, n: int) -> npt.NDArray[np.float64]:
    """Of tables whose first row is one of `rows` (N, classes), and whose columns sum to `pool`."""
    share = pool / pool.sum()
    first = ((rows - m * share) ** 2 / (m * share)).sum(axis=1)
    second = ((pool - rows - n * share) ** 2 / (n * share)).sum(axis=1)
    return np.asarray(first + second)


def labels_test(
    reference: npt.NDArray[np.bool_],
    window: npt.NDArray[np.bool_],
    permutations: int,
    draw: np.random.Generator,
    advance: Callable[[int], object] = lambda count: None,
) -> tuple[float, float]:
    """(Σ χ², p) of labels (m, L) and (n, L), of which a sample may have several, or none.

    The sum over labels of Pearson's χ² of the table {has it, has it not} × {reference, window}; with N = m + n samples
    in the pool, of which c have the label, and r of them in the reference:

        χ² = (r - m c / N)² N³ / (m n c (N - c))

    Labels of one sample depend on each other, so whole samples are permuted: the pool is exchangeable where nothing
    drifts, and P(p ≤ α) ≤ α however the labels go together. Labels that all samples of the pool have, or none, say
    nothing. `advance` is that of `shares_test`.
    """
    pool = np.concatenate([reference, window])
    count, m, n = len(pool), len(reference), len(window)
    having = pool.sum(axis=0)
    kept = (having > 0) & (having < count)
    if not kept.any():
        return 0.0, 1.0
    c, held = having[kept].astype(np.float64), pool[:, kept].astype(np.float32)
    factor = count**3 / (m * n * c * (count - c))

    def summed(of_reference: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """(P, L) samples of the reference that have each label → (P,)."""
        return np.asarray(((of_reference - m * c / count) ** 2 * factor).sum(axis=1))

    sides = np.repeat([1, 0], [m, n]).astype(np.float32)
    seen = float(summed((sides @ held)[None])[0])
    as_large = 0
    for start in range(0, permutations, ROWS):
        rows = draw.permuted(np.tile(sides, (min(ROWS, permutations - start), 1)), axis=1)
        as_large += int((summed(rows @ held) >= seen - 1e-6 * max(seen, 1.0)).sum())
        advance(len(rows))
    return seen, (1 + as_large) / (1 + permutations)
