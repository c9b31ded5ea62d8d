"""Each label as a question of its own, and confident learning about each."""

from collections.abc import Mapping, Sequence

import numpy as np

from components.evaluation.discriminant import discriminant
from components.evaluation.label_noise import calibrated, doubtful, written
from components.params.task import TaskParams
from components.problems.base import Array, Description, Targets
from components.problems.operation import Doubt, Indices


class Explore:
    """See components.problems.operation.Explore for what each member promises."""

    columns = ("label", "is written", "looks as if", "probability of what is written")
    method = (
        "have a label that looks absent, or lack one that looks present, each label judged by itself by a linear model "
        "on frozen features that was fitted without them (confident learning)"
    )
    counted = "label"
    undefined = ""
    nearest = "balanced accuracy, mean over labels"

    def __init__(self, task: TaskParams, description: Description) -> None:
        self._labels = tuple(description["labels"])

    def counts(self, targets: Targets) -> Mapping[str, int]:
        return {name: int((targets[:, number] == 1).sum()) for number, name in enumerate(self._labels)}

    def aims(self, targets: Targets) -> Array:
        return np.asarray(targets, dtype=np.float64)

    def questions(self, targets: Targets) -> Sequence[Indices]:
        return [np.asarray(column, dtype=np.int64) for column in targets.T]

    def predict(self, features: Array, targets: Targets, asked: Array) -> Array:
        """(M, L, 2) log-probabilities that each label is absent and present, overconfident."""
        columns = self.questions(targets)
        return np.stack([discriminant(features, column, asked, 2) for column in columns], axis=1)

    def doubts(self, said: Array, targets: Targets) -> Sequence[Doubt]:
        """A sample is listed for each label that is doubtful."""
        found = []
        for label, there in enumerate(targets.T.astype(np.int64)):
            rows, sure = doubtful(np.exp(said[:, label]), there).rows, calibrated(said[:, label], there)
            found += [(float(sure[row, there[row]]), int(row), label) for row in rows]
        return [
            Doubt(row, self._cells(label, bool(targets[row, label] == 1), sure))
            for sure, row, label in sorted(found)
        ]

    def _cells(self, label: int, there: bool, sure: float) -> Sequence[str]:
        words = ("present", "absent") if there else ("absent", "present")
        return self._labels[label], *words, written(sure)
