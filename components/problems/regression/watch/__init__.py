"""Predictions, and the widths of their intervals where these are learned."""

import json
from collections.abc import Mapping, Sequence

import numpy as np

from components.params.task import TaskParams
from components.problems.base import Array, Description, Mask, Targets
from components.problems.operation import Answers, Certainty, Statistic
from components.problems.regression.decision import Decision
from components.problems.regression.params import RegressionParams
from components.problems.regression.target.numbers import Numbers, columns, read


class Watch:
    """See components.problems.operation.Watch for what each member promises."""

    undefined = (
        "Accuracy without labels is not defined for regression: a prediction is not right or wrong, and no confidence "
        "says how large its error is."
    )

    def __init__(self, task: TaskParams, description: Description, decision: Decision) -> None:
        self._decision, self._numbers = decision, Numbers.of(description)
        # Split conformal intervals have one width: it says nothing about a sample.
        self._learned = decision.intervals and task.options(RegressionParams).loss == "quantile"
        self.fields = columns("label", self._numbers.names)
        self.allowed = f"Allowed: {_allowed(self._numbers)}, written as 0.5 or 1e-3."

    def statistics(self, answers: Answers) -> Mapping[str, Statistic]:
        decided = self._decision(answers)
        kinds = {"prediction": decided[:, :, 0]}
        if self._learned:
            kinds["interval width"] = decided[:, :, 2] - decided[:, :, 1]
        return {
            name: Statistic("numbers", values[:, number])
            for kind, values in kinds.items()
            for number, name in enumerate(columns(kind, self._numbers.names))
        }

    def certainty(self, answers: Answers) -> Certainty | None:
        """The widest interval, in standard deviations of the targets, is the least sure."""
        if not self._learned:
            return None
        decided = self._decision(answers)
        widest = ((decided[:, :, 2] - decided[:, :, 1]) / self._numbers.scale).max(axis=1)
        return Certainty({"interval_width": np.asarray(widest)}, np.asarray(-widest))

    def confidences(self, answers: Answers) -> Mapping[str, Array]:
        return {}

    def right(self, targets: Targets, answers: Answers) -> Mapping[str, Mask]:
        return {}

    def words(self, answers: Answers) -> Sequence[str]:
        return [", ".join(f"{value:.4g}" for value in row) for row in self._decision(answers)[:, :, 0]]

    def label(self, cells: Sequence[str]) -> str | None:
        written = json.dumps(list(cells)) if len(cells) > 1 else cells[0]
        try:
            return json.dumps(read(written, self._numbers.names, self._numbers.bounds))
        except ValueError:
            return None


def _allowed(numbers: Numbers) -> str:
    """`a number from 0 to 1`; of several each by its name."""
    within = ["" if ends is None else f" from {ends[0]:g} to {ends[1]:g}" for ends in numbers.bounds]
    if len(numbers) == 1:
        return f"a number{within[0]}"
    return f"numbers ({', '.join(name + ends for name, ends in zip(numbers.names, within, strict=True))})"
