"""Which positions of a sample are marked: a list of any length for each.

This file is read by `python -m components check` and imports nothing slow.
"""

from collections.abc import Iterator

from components.params.data import DataParams
from components.params.learning import SelectParams
from components.params.task import TaskParams
from marks.mark.params import MarkParams

Params = MarkParams

# Metric → which way is better; the first is what `auto` means.
METRICS = {"position_f1": "higher", "exact": "higher"}
PARTS: dict[str, str] = {}  # no metric is of one part of a target
BEST_BY = ("position_f1", "exact")
KEPT = "position_f1"
OFFERS = ()


def wrong(task: TaskParams, data: DataParams, select: SelectParams) -> Iterator[str]:
    """What cannot be, a sentence each."""
    if data.labels.classes:
        yield "data.labels.classes names classes, but task.problem is mark: leave it out"
    if len(data.labels.label_columns) > 1:
        yield "data.labels.label names several columns; with task.problem: mark a sample has one list"
