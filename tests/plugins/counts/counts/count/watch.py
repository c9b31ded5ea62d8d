"""Rates: their distribution, and that the largest vary most."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from components.problems.base import Array, Decision, Description, Mask, Targets
from components.problems.operation import Answers, Certainty, Statistic
from counts.count.params import CountParams


class Watch:
    """See components.problems.operation.Watch for what each member promises."""

    fields = ("label",)
    undefined = "Accuracy without labels is not defined for counts: a rate is not right or wrong."

    def __init__(self, task: Any, description: Description, decision: Decision) -> None:
        self._most = task.options(CountParams).most
        self.allowed = f"Allowed: a count from 0 to {self._most}."

    def statistics(self, answers: Answers) -> Mapping[str, Statistic]:
        return {"rate": Statistic("numbers", np.asarray(answers, dtype=np.float64)[:, 0])}

    def certainty(self, answers: Answers) -> Certainty:
        """The variance of a Poisson distribution is its rate."""
        rates = np.asarray(answers, dtype=np.float64)[:, 0]
        return Certainty({"rate": rates}, -rates)

    def confidences(self, answers: Answers) -> Mapping[str, Array]:
        return {}

    def right(self, targets: Targets, answers: Answers) -> Mapping[str, Mask]:
        return {}

    def words(self, answers: Answers) -> Sequence[str]:
        return [f"{rate:.3g}" for rate in answers[:, 0]]

    def label(self, cells: Sequence[str]) -> str | None:
        written = cells[0]
        return (
            str(int(written))
            if written.isascii() and written.isdigit() and int(written) <= self._most
            else None
        )
