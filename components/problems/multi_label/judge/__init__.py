"""Metrics of multi-label classification with the methods of their intervals, and tables for plots."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from components.evaluation import calibration_error, kinds
from components.evaluation.intervals import Method, Metric
from components.evaluation.spread import Floats
from components.params.task import TaskParams
from components.problems.base import Column, Decisions, Description, Targets
from components.problems.multi_label import KEPT, METRICS
from components.problems.multi_label.judge import intervals, metrics
from components.problems.multi_label.judge.metrics import Outcome, f1_by_label, precision_by_label
from components.problems.multi_label.judge.tables import by_label, precision_recall, reliability

Rows = Sequence[Sequence[object]]


def _by_side(outcome: Outcome) -> npt.NDArray[np.int64]:
    having = outcome.positives.astype(np.int64)
    return np.concatenate([having, len(outcome) - having])


SUBSET = Method[Outcome](
    "proportion", "Clopper-Pearson", intervals.subset_accuracy, "Tango and MOVER", intervals.subset_accuracies
)
HAMMING = Method[Outcome](
    "proportion of decisions",
    "Clopper-Pearson, a sample's decisions as a group",
    intervals.hamming_loss,
    "Tango and MOVER, a sample's decisions as a group",
    intervals.hamming_losses,
    10,
)
MICRO = Method[Outcome](
    "micro F1",
    "Clopper-Pearson of TP, a sample's decisions as a group",
    intervals.micro_f1_interval,
    "infinitesimal jackknife",
    intervals.micro_f1s,
    20,
)
MACRO = Method[Outcome](
    "macro F1",
    "Clopper-Pearson of TP, MOVER",
    intervals.macro_f1_interval,
    "infinitesimal jackknife",
    intervals.macro_f1s,
    10,
    paired_least=30,
)
PRECISION = Method[Outcome](
    "mean average precision",
    "infinitesimal jackknife",
    intervals.average_precision,
    "infinitesimal jackknife, MOVER",
    intervals.average_precisions,
    20,
    _by_side,
    "samples with, or without, a label",
    " of each",
    paired_least=30,
)
CALIBRATION = Method[Outcome](
    "calibration error",
    "infinitesimal jackknife",
    lambda outcome, plan: calibration_error.interval(outcome.gaps, plan),
    "infinitesimal jackknife",
    lambda one, other, plan: calibration_error.difference(one.gaps, other.gaps, plan),
    30,
)
TABLE: Mapping[str, Metric[Outcome]] = {
    "macro_f1": Metric(metrics.macro_f1, MACRO),
    "micro_f1": Metric(metrics.micro_f1, MICRO),
    "map": Metric(metrics.mean_average_precision, PRECISION),
    "subset_accuracy": Metric(metrics.subset_accuracy, SUBSET),
    "hamming_loss": Metric(metrics.hamming_loss, HAMMING, better="lower"),
    "ece": Metric(metrics.ece, CALIBRATION, better="lower", measures="calibration error"),
}
assert all(METRICS[name] == metric.better for name, metric in TABLE.items())


def recalls(labels: Sequence[str]) -> Mapping[str, Metric[Outcome]]:
    """`recall of LABEL`: how many of the samples that have it were given it."""
    return {f"recall of {name}": _recall(name, index) for index, name in enumerate(labels)}


def _recall(name: str, index: int) -> Metric[Outcome]:
    def right(outcome: Outcome) -> Floats:
        return np.asarray(outcome.right[:, index])

    method = Method[Outcome](
        "proportion",
        "Clopper-Pearson",
        lambda outcome, plan: kinds.proportion(right(outcome), plan),
        "Tango and MOVER",
        lambda one, other, plan: kinds.proportions(right(one), right(other), plan),
    )
    return Metric(
        lambda outcome: float(right(outcome).mean()),
        method,
        samples=lambda outcome: np.asarray(outcome.targets[:, index] == 1),
        without=f"no sample has the label {name!r}",
        measures="true-positive rate",
    )


class Judge:
    """See components.problems.base.Judge for what each member promises."""

    headline = ("macro_f1", "subset_accuracy")
    kept = KEPT

    def __init__(self, task: TaskParams, description: Description) -> None:
        self.labels = tuple(description["labels"])
        self.metrics = {**TABLE, **recalls(self.labels)}

    def outcome(self, targets: Targets, answers: npt.NDArray[Any], decisions: Decisions) -> Outcome:
        return Outcome(targets, np.asarray(answers, dtype=np.float64), decisions)

    def constants(self, targets: Targets) -> Mapping[str, Sequence[float]]:
        """`majority`: each label as most samples have it; `every_label`: all of them, which F1 rewards."""
        usual = (2 * targets.sum(axis=0) > len(targets)).astype(np.float64)
        return {"majority": usual.tolist(), "every_label": [1.0] * len(self.labels)}

    def columns(self, outcome: Outcome) -> Mapping[str, Column]:
        kept: dict[str, Column] = {"decision": outcome.decisions}
        return kept | {f"p.{name}": outcome.probabilities[:, i] for i, name in enumerate(self.labels)}

    def facts(self, outcome: Outcome) -> Mapping[str, object]:
        """What each label is like, without intervals, and the one whose ranking is worst."""
        return {"labels": list(self.labels), "worst_label": self.labels[_worst(outcome)]}

    def restored(self, columns: Mapping[str, npt.NDArray[Any]]) -> Outcome:
        probabilities = np.stack([columns[f"p.{name}"] for name in self.labels], axis=1)
        return self.outcome(_stacked(columns["target"]), probabilities, _stacked(columns["decision"]))

    def tables(self, outcome: Outcome) -> Mapping[str, tuple[Sequence[str], Rows]]:
        worst = _worst(outcome)
        scores, positive = outcome.probabilities[:, worst], outcome.targets[:, worst] == 1
        return {
            "labels.csv": (
                ("label", "samples", "decided", "right", "precision", "recall", "f1", "average_precision"),
                by_label(outcome, self.labels, f1_by_label(outcome), precision_by_label(outcome)),
            ),
            "reliability.csv": (("confidence", "accuracy", "count"), reliability(outcome)),
            "precision_recall.csv": (("recall", "precision"), precision_recall(scores, positive)),
        }


def _worst(outcome: Outcome) -> int:
    """The label of the least average precision; one that no sample has is not asked."""
    found = precision_by_label(outcome)
    return int(np.where(np.isfinite(found), found, np.inf).argmin())


def _stacked(rows: npt.NDArray[Any]) -> npt.NDArray[np.int8]:
    """Rows of lists, as a table holds them, as (N, L)."""
    return np.array(rows.tolist(), dtype=np.int8)
