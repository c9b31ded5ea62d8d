"""How often something occurs: 0, 1, 2, … for each sample.

This file is read by `python -m components check` and imports nothing slow.
"""

from collections.abc import Iterator

from components.params.data import DataParams
from components.params.learning import SelectParams
from components.params.task import TaskParams
from counts.count.params import CountParams

Params = CountParams

# Metric → which way is better; the first is what `auto` means.
METRICS = {"deviance": "lower", "mae": "lower"}
PARTS: dict[str, str] = {}  # no metric is of one part of a target
BEST_BY = ("deviance", "mae")
KEPT = "mae"
OVERFITTING = "deviance"
OFFERS = ()


def wrong(task: TaskParams, data: DataParams, select: SelectParams) -> Iterator[str]:
    """What cannot be, a sentence each."""
    if data.labels.classes:
        yield "data.labels.classes names classes, but task.problem is count: leave it out"
    if len(data.labels.label_columns) > 1:
        yield "data.labels.label names several columns; with task.problem: count a sample has one count"


def watched(task: TaskParams, data: DataParams) -> int:
    """Of the rate."""
    return 1
