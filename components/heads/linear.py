"""Ridge regression on the targets as columns (see components.heads.ridge), on centred features of one scale.

One linear system, whatever the number of samples.
"""

from collections.abc import Iterator

from components.heads.base import Samples, State, as_outputs, linear_module, linear_state, standardisation
from components.heads.ridge import solve, statistics
from components.params.learning import HeadParams


class Linear:
    """Least squares: ranks well, in a fraction of logistic regression's time."""

    parameter = "l2"
    module = staticmethod(linear_module)

    def __init__(self, head: HeadParams, seed: int) -> None:
        self._candidates = head.l2

    def fits(self, training: Samples, validation: Samples) -> Iterator[tuple[float, State]]:
        mean, scale = standardisation(training)
        total = statistics(training, lambda features: (features - mean) / scale, "standardised features")
        for l2 in self._candidates:
            yield l2, linear_state(*as_outputs(*solve(total, l2), training.link), mean, scale)
