"""A short text for each sample.

This file is read by `python -m components check` and imports nothing slow.
"""

from collections.abc import Iterator

from components.params.data import DataParams
from components.params.learning import SelectParams
from components.params.task import TaskParams
from spellings.spelling.params import SpellingParams

Params = SpellingParams

# Metric → which way is better; the first is what `auto` means.
METRICS = {"exact": "higher"}
PARTS: dict[str, str] = {}  # no metric is of one part of a target
BEST_BY = ("exact",)
KEPT = "exact"
OFFERS = ()


def wrong(task: TaskParams, data: DataParams, select: SelectParams) -> Iterator[str]:
    """What cannot be, a sentence each."""
    if data.labels.classes:
        yield "data.labels.classes names classes, but task.problem is spelling: task.letters says them"
