"""Metrics of classification with the methods of their intervals, and tables for plots."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from components.evaluation.calibration_error import reliability as reliability_of
from components.evaluation.intervals import Method, Metric
from components.params.task import TaskParams
from components.problems.base import Column, Decisions, Description, Targets
from components.problems.classification import KEPT, METRICS
from components.problems.classification.judge import metrics, one_model, two_models
from components.problems.classification.judge.metrics import Outcome, confusion
from components.problems.classification.params import ClassificationParams

MAX_ROC_POINTS = 200
Rows = Sequence[Sequence[object]]


def _by_class(outcome: Outcome) -> npt.NDArray[np.int64]:
    return np.bincount(outcome.targets, minlength=outcome.classes)


PROPORTION = Method[Outcome](
    "proportion", "Clopper-Pearson", one_model.proportion, "Tango and MOVER", two_models.proportion
)
RECALLS = Method[Outcome](
    "mean of proportions",
    "Clopper-Pearson, MOVER",
    one_model.mean_of_proportions,
    "Tango, MOVER",
    two_models.mean_of_proportions,
)
F1 = Method[Outcome](
    "F1", "Clopper-Pearson of TP", one_model.f1, "infinitesimal jackknife", two_models.f1, 10
)
AUROC = Method[Outcome](
    "AUROC",
    "DeLong, Newcombe",
    one_model.auroc,
    "DeLong",
    two_models.auroc,
    10,
    _by_class,
    "samples of a class",
    " of each",
)
PRECISION = Method[Outcome](
    "average precision",
    "infinitesimal jackknife",
    one_model.average_precision,
    "infinitesimal jackknife, MOVER",
    two_models.average_precision,
    20,
    _by_class,
    "samples of a class",
    " of each",
    paired_least=30,
)
CALIBRATION = Method[Outcome](
    "calibration error",
    "infinitesimal jackknife",
    one_model.calibration_error,
    "infinitesimal jackknife",
    two_models.calibration_error,
    30,
)
TABLE: Mapping[str, Metric[Outcome]] = {
    "accuracy": Metric(metrics.accuracy, PROPORTION),
    "balanced_accuracy": Metric(metrics.balanced_accuracy, RECALLS),
    "auroc": Metric(metrics.auroc, AUROC),
    "average_precision": Metric(metrics.average_precision, PRECISION),
    "f1": Metric(metrics.f1, F1),
    "ece": Metric(metrics.ece, CALIBRATION, better="lower", measures="calibration error"),
}
assert all(METRICS[name] == metric.better for name, metric in TABLE.items())


def recalls(classes: Sequence[str]) -> Mapping[str, Metric[Outcome]]:
    """`recall of CLASS`: the accuracy on its samples; where these have groups, only groups that hold some count."""

    def of(index: int) -> Callable[[Outcome], npt.NDArray[np.bool_]]:
        return lambda outcome: np.asarray(outcome.targets == index)

    return {
        f"recall of {name}": Metric(
            metrics.accuracy,
            PROPORTION,
            samples=of(index),
            without=f"no sample is of class {name!r}",
            measures="true-positive rate",
        )
        for index, name in enumerate(classes)
    }


class Judge:
    """See components.problems.base.Judge for what each member promises.

    Attributes:
        positive: index of the class that one-sided metrics are about; the last one where none is named.
    """

    headline = ("accuracy", "balanced_accuracy")
    kept = KEPT

    def __init__(self, task: TaskParams, description: Description) -> None:
        self.classes = tuple(description["classes"])
        self.metrics = {**TABLE, **recalls(self.classes)}
        positive = task.options(ClassificationParams).positive
        self.positive = len(self.classes) - 1 if positive is None else self.classes.index(positive)

    def outcome(self, targets: Targets, answers: npt.NDArray[Any], decisions: Decisions) -> Outcome:
        return Outcome(targets, np.asarray(answers, dtype=np.float64), decisions, self.positive)

    def constants(self, targets: Targets) -> Mapping[str, Sequence[float]]:
        """The most frequent class, without a doubt; the first of equals."""
        index = int(np.bincount(targets, minlength=len(self.classes)).argmax())
        return {"majority": [float(number == index) for number in range(len(self.classes))]}

    def columns(self, outcome: Outcome) -> Mapping[str, Column]:
        kept: dict[str, Column] = {"decision": outcome.decisions}
        return kept | {f"p.{name}": outcome.probabilities[:, i] for i, name in enumerate(self.classes)}

    def facts(self, outcome: Outcome) -> Mapping[str, object]:
        return {"roc_class": self.classes[outcome.positive]}

    def restored(self, columns: Mapping[str, npt.NDArray[Any]]) -> Outcome:
        probabilities = np.stack([columns[f"p.{name}"] for name in self.classes], axis=1)
        return self.outcome(columns["target"], probabilities, columns["decision"])

    def tables(self, outcome: Outcome) -> Mapping[str, tuple[Sequence[str], Rows]]:
        return {
            "confusion.csv": (("actual", "predicted"), _decided(outcome, self.classes)),
            "reliability.csv": (("confidence", "accuracy", "count"), reliability(outcome)),
            "roc.csv": (("false_positive_rate", "true_positive_rate"), roc(outcome)),
        }


def reliability(outcome: Outcome) -> Rows:
    """(mean confidence, share right, count) of each bin that holds samples."""
    known = np.isfinite(outcome.probabilities).all(axis=1)
    confidence = outcome.probabilities[known].max(axis=1)
    right = (outcome.probabilities.argmax(axis=1) == outcome.targets)[known]
    return reliability_of(confidence, right)


def roc(outcome: Outcome) -> Rows:
    """(false positive rate, true positive rate) of the positive class, at most 200 points, both ends included.

    One point a distinct probability: between samples of equal probability there is no threshold.
    """
    scores = outcome.probabilities[:, outcome.positive]
    order = np.argsort(-scores, kind="stable")
    hits = outcome.targets[order] == outcome.positive
    last = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    true, false = (np.append(0.0, np.cumsum(part)[last] / max(part.sum(), 1)) for part in (hits, ~hits))
    kept = np.unique(np.linspace(0, len(true) - 1, min(MAX_ROC_POINTS, len(true))).astype(np.int64))
    return [(float(false[i]), float(true[i])) for i in kept]


def _decided(outcome: Outcome, classes: Sequence[str]) -> Rows:
    """One row a sample, in the order of the confusion matrix."""
    table = confusion(outcome)
    return [
        (classes[actual], classes[predicted])
        for actual in range(len(classes))
        for predicted in range(len(classes))
        for _ in range(table[actual, predicted])
    ]
