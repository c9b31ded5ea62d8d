"""What people see of multi-label classification."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from components.evaluation import kinds
from components.evaluation.intervals import Interval, intervals
from components.evaluation.spread import Floats, Plan
from components.params.task import TaskParams
from components.problems.base import Description, Fitted
from components.problems.multi_label.judge import TABLE
from components.problems.multi_label.judge.metrics import Outcome
from components.problems.operation import Wrong
from components.problems.shown import RELIABLE, Chart, Panel, PlainShow, Words, in_words, listed

NOTHING = "no label"

# In the order of the page.
TITLES = {
    "macro_f1": "Macro F1",
    "micro_f1": "Micro F1",
    "map": "Mean average precision",
    "subset_accuracy": "Subset accuracy",
    "hamming_loss": "Hamming loss",
    "ece": "Calibration error",
    "f1": "F1",
    "average_precision": "Average precision",
}


class Show(PlainShow):
    """See components.problems.operation.Show for what each member promises."""

    titles = TITLES
    parts_of = "Label"
    mistakes = "Wrong decisions on the test side, those with the most wrong labels first."

    def __init__(self, task: TaskParams, description: Description) -> None:
        self._labels = tuple(description["labels"])
        self.targets = ", ".join(self._labels)

    def fitted(self, fitted: Fitted) -> Sequence[Words]:
        found = zip(self._labels, fitted.get("thresholds", ()), strict=False)
        thresholds = [f"{name} {in_words(threshold)}" for name, threshold in found]
        return (
            ("Temperature", in_words(fitted.get("temperature"))),
            ("Decision thresholds", listed(thresholds)),
        )

    def worst(self, outcome: Outcome, most: int) -> Sequence[Wrong]:
        """The most wrong labels first, of equals that with the surest wrong decision."""
        wrong = outcome.right == 0
        # How sure the model was of what is wrong: of a label that is not there, its probability; else the rest.
        sure = np.where(outcome.decisions == 1, outcome.probabilities, 1 - outcome.probabilities) * wrong
        count, surest = wrong.sum(axis=1), sure.max(axis=1)
        rows = np.lexsort((-surest, -count))[:most]
        return [self._wrong(outcome, sure[row], int(row)) for row in rows if count[row]]

    def _wrong(self, outcome: Outcome, sure: Floats, row: int) -> Wrong:
        label = int(sure.argmax())
        words = self._words(outcome.targets[row]), self._words(outcome.decisions[row])
        return Wrong(row, *words, float(sure[label]), label, self._labels[label])

    def _words(self, held: np.ndarray) -> str:
        return ", ".join(name for name, has in zip(self._labels, held, strict=True) if has) or NOTHING

    def parts(self, outcome: Outcome, plan: Plan) -> Mapping[str, Mapping[str, Interval]]:
        """F1, precision, recall and average precision of each label."""
        return {name: self._part(outcome, plan, number) for number, name in enumerate(self._labels)}

    def _part(self, outcome: Outcome, plan: Plan, label: int) -> Mapping[str, Interval]:
        of = slice(label, label + 1)
        alone = Outcome(outcome.targets[:, of], outcome.probabilities[:, of], outcome.decisions[:, of])
        there, decided = alone.targets[:, 0] == 1, alone.decisions[:, 0] == 1
        found = intervals(alone, plan, {name: TABLE[name] for name in ("macro_f1", "map")})
        return {
            "f1": found["macro_f1"],
            "precision": _share(there[decided].astype(np.float64), plan.only(decided)),
            "recall": _share(decided[there].astype(np.float64), plan.only(there)),
            "average_precision": found["map"],
            "samples": Interval(float(there.sum()), None, None, int(there.sum())),
        }

    def panels(self, facts: Mapping[str, Any]) -> Sequence[Panel]:
        reliable = ("confidence", "accuracy", "count")
        charts = (
            Chart("Reliability", "reliability", "reliability.csv", reliable, RELIABLE),
            Chart(
                f"Precision and recall of {facts.get('worst_label', 'a label')}",
                "curve",
                "precision_recall.csv",
                ("recall", "precision"),
                "The label whose ranking is worst.",
            ),
        )
        return (Panel(charts),)


def _share(right: Floats, plan: Plan) -> Interval:
    """Clopper-Pearson; nothing of no sample."""
    if not len(right):
        return Interval(None, None, None, 0)
    low, high = kinds.proportion(right, plan)
    return Interval(float(right.mean()), low, high, len(right), "Clopper-Pearson")
