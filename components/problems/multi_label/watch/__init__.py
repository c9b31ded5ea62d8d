"""Labels decided for, how many a sample is given, and how sure the decisions are, all together and each by itself."""

import json
from collections.abc import Mapping, Sequence

import numpy as np

from components.params.task import TaskParams
from components.problems.base import Array, Description, Mask, Targets
from components.problems.multi_label.decision import Decision
from components.problems.multi_label.params import NOTHING, MultiLabelParams
from components.problems.operation import Answers, Certainty, Statistic


class Watch:
    """See components.problems.operation.Watch for what each member promises."""

    fields = ("label",)
    undefined = ""

    def __init__(self, task: TaskParams, description: Description, decision: Decision) -> None:
        self._decision, self._labels = decision, decision.names
        options = task.options(MultiLabelParams)
        # An empty cell is one that nobody has filled in yet.
        self._separator, self._none = options.separator, options.none or NOTHING
        self.allowed = (
            f"Allowed, separated by {self._separator!r}: {', '.join(self._labels)}; or {self._none}."
        )

    def statistics(self, answers: Answers) -> Mapping[str, Statistic]:
        decided = self._decision(answers) == 1
        return {
            "labels": Statistic("labels", decided, self._labels),
            "labels a sample": Statistic("numbers", decided.sum(axis=1).astype(np.float64)),
            "confidence": Statistic("numbers", self._confidence(answers).mean(axis=1)),
        }

    def certainty(self, answers: Answers) -> Certainty:
        """The label that is nearest to its threshold counts."""
        away = np.abs(np.asarray(answers, dtype=np.float64) - self._decision.thresholds).min(axis=1)
        return Certainty({"confidence": self._confidence(answers).min(axis=1), "margin": away}, away)

    def confidences(self, answers: Answers) -> Mapping[str, Array]:
        """Each label is a decision between two by itself."""
        found = self._confidence(answers)
        return {f"accuracy of {name}": found[:, number] for number, name in enumerate(self._labels)}

    def _confidence(self, answers: Answers) -> Array:
        """(N, L): the probability of what was decided about each label."""
        given = np.asarray(answers, dtype=np.float64)
        return np.where(self._decision(answers) == 1, given, 1 - given)

    def right(self, targets: Targets, answers: Answers) -> Mapping[str, Mask]:
        same = self._decision(answers) == targets
        return {f"accuracy of {name}": same[:, number] for number, name in enumerate(self._labels)}

    def words(self, answers: Answers) -> Sequence[str]:
        return [
            self._separator.join(name for name, has in zip(self._labels, row, strict=True) if has)
            or self._none
            for row in self._decision(answers)
        ]

    def label(self, cells: Sequence[str]) -> str | None:
        said = [part.strip() for part in cells[0].split(self._separator)]
        if said == [self._none] and self._none not in self._labels:
            return "[]"
        if not set(said) <= set(self._labels):
            return None
        return json.dumps([name for name in self._labels if name in said], ensure_ascii=False)
