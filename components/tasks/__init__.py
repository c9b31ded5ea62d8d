"""Task families. The table is the one place that knows them by name; each is imported when asked for."""

import importlib
from pathlib import Path
from typing import TYPE_CHECKING

from components.errors import ParamsError
from components.params.backbone import InputSpec
from components.params.task import AugmentParams, TaskParams

if TYPE_CHECKING:
    from components.tasks.base import Task

TASKS = {
    "image_classification": "components.tasks.image_classification:ImageClassification",
    "text_classification": "components.tasks.text_classification:TextClassification",
}
NAMES = tuple(TASKS)  # each is its file's name


def load_task(
    params: TaskParams,
    spec: InputSpec | None = None,
    augment: AugmentParams | None = None,
    assets: Path | None = None,
) -> "Task":
    """The task that params name.

    `spec` is what the backbone wants to see; whoever only decodes and inspects may leave it out. Without
    `augment` there is but the clean view. `assets` is a folder with the task's assets (a checkpoint, a release);
    whoever only inspects may leave it out.
    """
    if params.name not in TASKS:
        raise ParamsError(f"task.name {params.name!r} is not known.", f"Allowed: {', '.join(sorted(TASKS))}.")
    module, name = TASKS[params.name].split(":")
    made: Task = getattr(importlib.import_module(module), name)(params, spec, augment, assets)
    return made
