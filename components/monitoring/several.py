"""Several tests, one chance of a false alarm."""

from collections.abc import Sequence

import numpy as np

from components.errors import ParamsError
from components.params.monitoring import fewest_permutations


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values: those at or below the rate are alarms, and P(any false one) is at most the rate, however the
    tests depend on each other.

        p̃₍ᵢ₎ = max over j ≤ i of min(1, (m - j + 1) p₍ⱼ₎)

    (Holm, "A Simple Sequentially Rejective Multiple Test Procedure", Scandinavian Journal of Statistics 6, 1979.)
    """
    values = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    steps = np.maximum.accumulate((len(values) - np.arange(len(values))) * values[order])
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(steps, 1.0)
    return [float(value) for value in adjusted]


def refuse_too_few(permutations: int, tests: int, rate: float) -> None:
    """Raise ParamsError where no permutation test alone could ever reach Holm's smallest bound.

    Params see the most tests that a task can have; a reference says how many it has.
    """
    needed = fewest_permutations(tests, rate)
    if permutations < needed:
        raise ParamsError(
            f"monitoring.permutations is {permutations}: the smallest p-value, 1/{permutations + 1}, lies above the "
            f"smallest bound of {tests} tests at a rate of {rate:.4g}, {rate / tests:.2g}: no drift could be seen.",
            f"Allowed: {needed} or more.",
        )
