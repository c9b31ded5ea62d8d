"""Task families. The table is the one place that knows them by name; each is imported when asked for."""

import importlib
from typing import TYPE_CHECKING

from components.errors import ParamsError
from components.params.backbone import InputSpec
from components.params.task import AugmentParams, TaskParams

if TYPE_CHECKING:
    from components.tasks.base import Task

TASKS = {
    "image_classification": "components.tasks.image_classification:ImageClassification",
}
NAMES = tuple(TASKS)  # each is its file's name


def load_task(
    params: TaskParams, spec: InputSpec | None = None, augment: AugmentParams | None = None
) -> "Task":
    """The task that params name.

    `spec` is what the backbone wants to see; whoever only decodes and inspects may leave it out. Without
    `augment` there is but the clean view.
    """
    if params.name not in TASKS:
        raise ParamsError(f"task.name {params.name!r} is not known.", f"Allowed: {', '.join(sorted(TASKS))}.")
    module, name = TASKS[params.name].split(":")
    made: Task = getattr(importlib.import_module(module), name)(params, spec, augment)
    return made
