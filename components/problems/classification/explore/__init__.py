"""Classes as one question, and confident learning by a linear discriminant."""

from collections.abc import Mapping, Sequence

import numpy as np

from components.evaluation.discriminant import discriminant
from components.evaluation.label_noise import calibrated, doubtful, written
from components.params.task import TaskParams
from components.problems.base import Array, Description, Targets
from components.problems.operation import Doubt, Indices


class Explore:
    """See components.problems.operation.Explore for what each member promises."""

    columns = ("label", "likelier", "probability of the label", "probability of the likelier")
    method = (
        "look more like another class, judged by a linear model on frozen features that was fitted without them "
        "(confident learning)"
    )
    counted = "class"
    undefined = ""
    nearest = "balanced accuracy"

    def __init__(self, task: TaskParams, description: Description) -> None:
        self._classes = tuple(description["classes"])

    def counts(self, targets: Targets) -> Mapping[str, int]:
        return {name: int((targets == index).sum()) for index, name in enumerate(self._classes)}

    def aims(self, targets: Targets) -> Array:
        """1 at the class, of those that occur."""
        return np.asarray(targets[:, None] == np.unique(targets), dtype=np.float64)

    def questions(self, targets: Targets) -> Sequence[Indices]:
        return [np.asarray(targets, dtype=np.int64)]

    def predict(self, features: Array, targets: Targets, asked: Array) -> Array:
        """(M, classes) log-probabilities, overconfident."""
        return discriminant(features, targets, asked, len(self._classes))

    def doubts(self, said: Array, targets: Targets) -> Sequence[Doubt]:
        found, sure = doubtful(np.exp(said), targets), calibrated(said, targets)
        order = np.argsort(sure[found.rows, targets[found.rows]], kind="stable")
        return [
            Doubt(int(row), self._cells(sure[row], int(targets[row]), int(other)))
            for row, other in zip(found.rows[order], found.likelier[order], strict=True)
        ]

    def _cells(self, sure: Array, label: int, other: int) -> Sequence[str]:
        return self._classes[label], self._classes[other], written(sure[label]), written(sure[other])
