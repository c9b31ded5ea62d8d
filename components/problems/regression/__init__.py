"""Regression: one or several numbers for each sample.

This file is read by `python -m components check` and imports nothing slow.
"""

from collections.abc import Iterator
from math import inf

from components.errors import meant
from components.params.data import DataParams
from components.params.learning import SelectParams
from components.params.task import TaskParams
from components.problems.regression.params import RegressionParams

Params = RegressionParams

# Metric → which way is better; the first is what `auto` means.
METRICS = {
    "rmse": "lower",
    "mae": "lower",
    "r2": "higher",
    "spearman": "higher",
    "pinball": "lower",
    "coverage": "higher",
    "interval_width": "lower",
}
# Metrics that several numbers also have of each: a rule of the gate may name one.
PARTS = dict.fromkeys(("rmse", "mae", "coverage"), "number")
# Least and greatest value of each: `check` refuses bounds outside.
RANGES = {
    "rmse": (0.0, inf),
    "mae": (0.0, inf),
    "r2": (-inf, 1.0),
    "spearman": (-1.0, 1.0),
    "pinball": (0.0, inf),
    "coverage": (0.0, 1.0),
    "interval_width": (0.0, inf),
}
# Which of them a training may stop by (`tune.best_by`), beside the loss.
BEST_BY = ("rmse", "mae", "r2", "spearman")
# What a candidate may not lose against the champion in any case.
KEPT = "mae"
# Of which `gate.overfitting` compares training and validation samples: a score of the learning curve.
OVERFITTING = "mae"
# Metrics of prediction intervals, which calibration makes: `check` refuses them for models that are not calibrated.
FITTED = ("pinball", "coverage", "interval_width")
# With these keys of section `task` training learns intervals, too.
LEARNED = {"loss": "quantile"}
# Outputs are numbers: no method may take them for logits of classes.
OFFERS = ()


def declared(task: TaskParams, data: DataParams) -> tuple[str, ...]:
    """The numbers, by their columns."""
    return data.labels.label_columns


def wrong(task: TaskParams, data: DataParams, select: SelectParams) -> Iterator[str]:
    """What cannot be, a sentence each."""
    options, columns = task.options(Params), data.labels.label_columns
    for key, said in (("unit", options.unit), ("range", options.range)):
        for name in said if isinstance(said, dict) else ():
            if name not in columns:
                hint, known = meant(name, columns) or ".", ", ".join(columns)
                yield f"task.{key}: {name!r} is no column of data.labels.label{hint} Allowed: {known}"
    if data.labels.classes:
        yield "data.labels.classes names classes, but task.problem is regression: leave it out"
    of_classes = {
        "data.split.labelled_per_class": data.split.labelled_per_class is not None,
        "data.limits.min_per_class": "min_per_class" in data.limits.model_fields_set,
        "select.threshold": "threshold" in select.model_fields_set,
    }
    for key, written in of_classes.items():
        if written:
            yield f"{key} is for classes or labels, but task.problem is regression: leave it out"


def watched(task: TaskParams, data: DataParams) -> int:
    """Of each number, and of the width of its interval where that is learned."""
    return len(data.labels.label_columns) * (2 if task.options(Params).loss == "quantile" else 1)
