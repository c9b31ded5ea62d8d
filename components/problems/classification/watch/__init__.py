"""Classes decided for, the confidence in them, and the margin to another decision."""

from collections.abc import Mapping, Sequence

import numpy as np

from components.params.task import TaskParams
from components.problems.base import Array, Description, Mask, Targets
from components.problems.classification.decision import Decision
from components.problems.operation import Answers, Certainty, Statistic


class Watch:
    """See components.problems.operation.Watch for what each member promises."""

    fields = ("label",)
    undefined = ""

    def __init__(self, task: TaskParams, description: Description, decision: Decision) -> None:
        self._decision, self._classes = decision, decision.classes
        self.allowed = f"Allowed: {', '.join(self._classes)}."

    def statistics(self, answers: Answers) -> Mapping[str, Statistic]:
        held = np.eye(len(self._classes), dtype=bool)[self._decision(answers)]
        return {
            "classes": Statistic("classes", held, self._classes),
            "confidence": Statistic("numbers", self._confidence(answers)),
        }

    def certainty(self, answers: Answers) -> Certainty:
        """A small margin is unsure (Scheffer, Decomain & Wrobel, "Active Hidden Markov Models for Information
        Extraction", IDA 2001): between the two best probabilities or, where a threshold decides, from that."""
        margin = self._margin(np.asarray(answers, dtype=np.float64))
        return Certainty({"confidence": self._confidence(answers), "margin": margin}, margin)

    def _margin(self, answers: Array) -> Array:
        positive, threshold = self._decision.positive, self._decision.threshold
        if len(self._classes) == 2 and positive is not None and threshold is not None:
            return np.asarray(np.abs(answers[:, positive] - threshold))
        rising = np.sort(answers, axis=1)
        return np.asarray(rising[:, -1] - rising[:, -2])

    def confidences(self, answers: Answers) -> Mapping[str, Array]:
        return {"accuracy": self._confidence(answers)}

    def _confidence(self, answers: Answers) -> Array:
        """(N,): the probability of the class that was decided for."""
        return np.asarray(answers[np.arange(len(answers)), self._decision(answers)], dtype=np.float64)

    def right(self, targets: Targets, answers: Answers) -> Mapping[str, Mask]:
        return {"accuracy": np.asarray(self._decision(answers) == targets)}

    def words(self, answers: Answers) -> Sequence[str]:
        return [self._classes[index] for index in self._decision(answers)]

    def label(self, cells: Sequence[str]) -> str | None:
        return cells[0] if cells[0] in self._classes else None
