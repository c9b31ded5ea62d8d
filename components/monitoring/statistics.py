"""Which statistics a sample has: one file for each kind of sample that a task family shows (`params.names.SHOWS`)."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from components.monitoring import images, texts
from components.params.names import SHOWS
from components.tasks.base import Sample, Task

Describe = Callable[[Sample], Mapping[str, float]]
NAMES: Mapping[str, Sequence[str]] = {"images": images.NAMES, "texts": texts.NAMES}


def names(task: str) -> Sequence[str]:
    """Of the task family `task`."""
    return NAMES[SHOWS[task]]


def describer(name: str, task: Task) -> Describe:
    """What measures a decoded sample of `task`, which is of the family `name`."""
    return images.describe if SHOWS[name] == "images" else partial(texts.describe, task)
