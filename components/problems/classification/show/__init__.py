"""What people see of classification."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from components.evaluation.intervals import Interval, intervals
from components.evaluation.spread import Plan
from components.params.task import TaskParams
from components.problems.base import Description, Fitted
from components.problems.classification.judge import recalls
from components.problems.classification.judge.metrics import Outcome
from components.problems.operation import Wrong
from components.problems.shown import RELIABLE, Chart, Panel, PlainShow, Words, in_words

# In the order of the page.
TITLES = {
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "auroc": "AUROC",
    "average_precision": "Average precision",
    "f1": "F1",
    "ece": "Calibration error",
}


class Show(PlainShow):
    """See components.problems.operation.Show for what each member promises."""

    titles = TITLES
    parts_of = "Class"
    mistakes = "Wrong decisions on the test side, the surest first."

    def __init__(self, task: TaskParams, description: Description) -> None:
        self._classes = tuple(description["classes"])
        self.targets = ", ".join(self._classes)

    def fitted(self, fitted: Fitted) -> Sequence[Words]:
        positive, threshold = fitted.get("positive"), fitted.get("threshold")
        by = ("Decision", "the most probable class")
        if positive is not None and threshold is not None:
            by = ("Decision threshold", f"{in_words(threshold)} for {positive}")
        return (("Temperature", in_words(fitted.get("temperature"))), by)

    def worst(self, outcome: Outcome, most: int) -> Sequence[Wrong]:
        """Those first that leave the true class the least probability."""
        rows = np.flatnonzero(outcome.decisions != outcome.targets)
        left = outcome.probabilities[rows, outcome.targets[rows]]
        found = []
        for row in rows[np.argsort(left, kind="stable")][:most].tolist():
            target, decision = int(outcome.targets[row]), int(outcome.decisions[row])
            names = self._classes[target], self._classes[decision]
            found.append(Wrong(row, *names, float(outcome.probabilities[row, decision]), decision))
        return found

    def parts(self, outcome: Outcome, plan: Plan) -> Mapping[str, Mapping[str, Interval]]:
        """The recall of each class."""
        found = intervals(outcome, plan, recalls(self._classes)).values()
        return {
            name: {"recall": held, "samples": Interval(float(held.n), None, None, held.n)}
            for name, held in zip(self._classes, found, strict=True)
        }

    def panels(self, facts: Mapping[str, Any]) -> Sequence[Panel]:
        chance, positive = "The diagonal is chance.", facts.get("roc_class")
        if positive and len(self._classes) > 2:
            chance = (
                f"{positive} against all other classes; the AUROC above is the mean over classes. {chance}"
            )
        rates = ("false_positive_rate", "true_positive_rate")
        charts = (
            Chart(
                "Confusion matrix", "matrix", "confusion.csv", ("actual", "predicted"), names=self._classes
            ),
            Chart(
                "Reliability", "reliability", "reliability.csv", ("confidence", "accuracy", "count"), RELIABLE
            ),
            Chart("ROC", "roc", "roc.csv", rates, chance),
        )
        return (Panel(charts),)
