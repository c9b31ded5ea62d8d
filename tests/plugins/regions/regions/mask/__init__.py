"""Which class each pixel of an image is of.

This file is read by `python -m components check` and imports nothing slow.
"""

from collections.abc import Iterator

from components.params.data import DataParams
from components.params.learning import SelectParams
from components.params.task import TaskParams
from regions.mask.params import MaskParams

Params = MaskParams

# Metric → which way is better; the first is what `auto` means.
METRICS = {"mean_iou": "higher", "pixel_accuracy": "higher"}
PARTS: dict[str, str] = {}  # no metric is of one part of a target
BEST_BY = ("mean_iou",)
KEPT = "mean_iou"
OFFERS = ()
PLACED = True  # a view that moves the image would leave its mask behind


def wrong(task: TaskParams, data: DataParams, select: SelectParams) -> Iterator[str]:
    """What cannot be, a sentence each."""
    if data.labels.classes:
        yield "data.labels.classes names classes, but task.problem is mask: task.regions names them"
