"""How many samples a rule wants at least: with fewer, not even a model without an error could pass it."""

import math
from statistics import NormalDist

# Samples by which Tango's test holds a difference for smaller; without them, it errs up to 3.1 % at 20 samples.
CONTINUITY = 0.25


def for_proportion(bound: float, tail: float) -> int:
    """Samples of which Clopper-Pearson's lower bound, tail^(1/n), reaches `bound` where all are right; 0: none do."""
    return math.ceil(math.log(tail) / math.log(bound) - 1e-9) if 0 < bound < 1 else 0


def for_difference(margin: float, tail: float) -> int:
    """Samples of which the lower bound (Tango's) reaches -margin where no decision differs; 0: there is none."""
    if not 1e-9 < margin < 1:
        return 0
    half = CONTINUITY + NormalDist().inv_cdf(1 - tail) ** 2 * (1 - margin) / 2
    return math.ceil((half + math.sqrt(half**2 - CONTINUITY**2)) / margin - 1e-9)
