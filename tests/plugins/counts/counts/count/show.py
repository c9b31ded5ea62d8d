"""What people see of counts: mistakes and a factor. All else is what any problem shows."""

from collections.abc import Sequence

import numpy as np
from scipy.stats import poisson

from components.problems.base import Fitted
from components.problems.operation import Wrong
from components.problems.shown import PlainShow, Words, in_words
from counts.count.judge import Outcome


class Show(PlainShow):
    """See components.problems.operation.Show for what each member promises."""

    mistakes = "The largest deviances on the test side."

    def fitted(self, fitted: Fitted) -> Sequence[Words]:
        return (("Factor of the rate", in_words(fitted.get("factor"))),)

    def worst(self, outcome: Outcome, most: int) -> Sequence[Wrong]:
        """Those with the largest deviance; all but the probability of the true count spoke against it."""
        rows = np.argsort(-outcome.deviance, kind="stable")[:most]
        against = 1 - poisson.pmf(outcome.targets, outcome.rates)
        return [
            Wrong(int(row), f"{outcome.targets[row]:g}", f"{outcome.rates[row]:.3g}", float(against[row]), 0)
            for row in rows
        ]
