"""Boxes around things in an image: any number of them, none too.

This file is read by `python -m components check` and imports nothing slow.
"""

from collections.abc import Iterator

from components.params.data import DataParams
from components.params.learning import SelectParams
from components.params.task import TaskParams
from regions.box.params import BoxParams

Params = BoxParams

# Metric → which way is better; the first is what `auto` means.
METRICS = {"box_f1": "higher"}
PARTS: dict[str, str] = {}  # no metric is of one part of a target
BEST_BY = ("box_f1",)
KEPT = "box_f1"
OFFERS = ()
PLACED = True  # a view that moves the image would leave its boxes behind


def wrong(task: TaskParams, data: DataParams, select: SelectParams) -> Iterator[str]:
    """What cannot be, a sentence each."""
    if data.labels.classes:
        yield "data.labels.classes names classes, but task.problem is box: task.things names them"
