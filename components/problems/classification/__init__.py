"""Classification: one class for each sample.

This file is read by `python -m components check` and imports nothing slow.
"""

from collections.abc import Iterator

from components.params.data import DataParams
from components.params.learning import SelectParams
from components.params.task import TaskParams
from components.problems.classification.params import ClassificationParams

Params = ClassificationParams

# Metric → which way is better; the first is what `auto` means.
METRICS = {
    "balanced_accuracy": "higher",
    "accuracy": "higher",
    "auroc": "higher",
    "average_precision": "higher",
    "f1": "higher",
    "ece": "lower",
}
# Metrics of one class, of which a rule of the gate names one.
PARTS = {"recall": "class"}
# Least and greatest value of each: `check` refuses bounds outside.
RANGES = dict.fromkeys((*METRICS, *PARTS), (0.0, 1.0))
# Which of them a training may stop by (`tune.best_by`), beside the loss.
BEST_BY = ("accuracy", "balanced_accuracy", "auroc", "average_precision", "f1")
# What a candidate may not lose against the champion in any case.
KEPT = "accuracy"
# Of which `gate.overfitting` compares training and validation samples: a score of the learning curve.
OVERFITTING = "accuracy"
# What methods may rely on: `classes` are indices, and outputs are logits of them; `logits` may be those of labels, too.
OFFERS = ("classes", "logits")
# What Hugging Face calls it, behind the modality and a hyphen.
HUB = "classification"
# Bounds of `gate.fairness` that need more than a metric: the judge says which metrics are `measures` of these.
FAIRNESS = ("tpr_gap_at_most", "calibration_gap_at_most")


def wrong(task: TaskParams, data: DataParams, select: SelectParams) -> Iterator[str]:
    """What cannot be, a sentence each."""
    classes, positive = tuple(data.labels.classes), task.options(Params).positive
    if len(data.labels.label_columns) > 1:
        yield "data.labels.label names several columns; with task.problem: classification a sample has one class"
    if positive is not None and classes and positive not in classes:
        yield f"task.positive is {positive!r}; allowed: {', '.join(classes)}"
    if positive is not None and len(classes) > 2:
        yield (
            f"task.positive is {positive!r}, but data.labels.classes names {len(classes)} classes: a decision "
            "threshold needs two; leave task.positive out"
        )
    if select.threshold.rule != "fixed" and positive is None:
        yield f"select.threshold.rule {select.threshold.rule!r} needs task.positive"


def declared(task: TaskParams, data: DataParams) -> tuple[str, ...]:
    """The classes, where params.yaml names them."""
    return tuple(data.labels.classes)


def watched(task: TaskParams, data: DataParams) -> int:
    """Of the classes and the confidence."""
    return 2
