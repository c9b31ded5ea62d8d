"""Multi-label classification: any number of labels for each sample, none included.

This file is read by `python -m components check` and imports nothing slow.
"""

from collections.abc import Iterator

from components.params import plugins
from components.params.data import DataParams
from components.params.learning import SelectParams
from components.params.task import TaskParams
from components.problems.multi_label.params import NOTHING, MultiLabelParams, named

Params = MultiLabelParams

# Metric → which way is better; the first is what `auto` means.
METRICS = {
    "macro_f1": "higher",
    "micro_f1": "higher",
    "map": "higher",
    "subset_accuracy": "higher",
    "hamming_loss": "lower",
    "ece": "lower",
}
# Metrics of one label, of which a rule of the gate names one.
PARTS = {"recall": "label"}
# Least and greatest value of each: `check` refuses bounds outside.
RANGES = dict.fromkeys((*METRICS, *PARTS), (0.0, 1.0))
# Which of them a training may stop by (`tune.best_by`), beside the loss.
BEST_BY = ("macro_f1", "micro_f1", "map", "subset_accuracy", "hamming_loss")
# What a candidate may not lose against the champion in any case: it is defined on any sample.
KEPT = "hamming_loss"
# Of which `gate.overfitting` compares training and validation samples: a score of the learning curve.
OVERFITTING = "subset_accuracy"
# Outputs are logits, each of one label; there are no classes that exclude each other.
OFFERS = ("logits",)
# What the field calls it, too, behind the modality: image_multi_label_classification.
ALIASES = ("multi_label_classification",)
# What Hugging Face calls it, behind the modality and a hyphen.
HUB = "classification"
# Bounds of `gate.fairness` that need more than a metric: the judge says which metrics are `measures` of these.
FAIRNESS = ("tpr_gap_at_most", "calibration_gap_at_most")


def wrong(task: TaskParams, data: DataParams, select: SelectParams) -> Iterator[str]:
    """What cannot be, a sentence each."""
    options, labels = task.options(Params), data.labels
    if held := [name for name in declared(task, data) if options.separator in name]:
        yield (
            f"task.separator is {options.separator!r}, which the label {held[0]!r} holds: it separates labels in one "
            "cell, those that come later (flows.monitor --labels), too. Set it to a text that no label holds"
        )
    if not plugins.offers("data/formats", data.layout, "several labels"):
        yield (
            f"data.layout is {data.layout!r}, which gives a sample one label: several labels need a table, "
            "data.layout: manifest or labels"
        )
    if isinstance(labels.label, str):
        if labels.classes:
            yield "data.labels.classes tells classes apart; name the labels of a cell in task.labels"
        if options.none is not None and options.none == labels.unlabelled:
            yield (
                f"task.none and data.labels.unlabelled are both {options.none!r}: a cell either says that there are no "
                "labels, or says nothing"
            )
        return
    if options.none is not None:
        yield "task.none is for labels in one cell; with a column for each label, zeros say that there are none"
    if NOTHING in declared(task, data):
        yield (
            f"a label is called {NOTHING!r}, which says where labels come later (flows.monitor --labels) that a sample "
            "has none of them; give it another name in task.labels"
        )
    for key, names in (("task.labels", options.labels), ("data.labels.classes", tuple(labels.classes))):
        if names and len(names) != len(labels.label):
            yield f"{key} names {len(names)} labels, data.labels.label {len(labels.label)} columns; one each is needed"
    if options.labels and labels.classes:
        yield "task.labels and data.labels.classes both name the labels: leave one of them out"


def declared(task: TaskParams, data: DataParams) -> tuple[str, ...]:
    """The labels, where params.yaml names them; a column for each label always does."""
    options, labels = task.options(Params), data.labels
    return options.labels if isinstance(labels.label, str) else named(labels, options)


def watched(task: TaskParams, data: DataParams) -> int:
    """Of the labels, how many a sample has, and the confidence."""
    return 3
