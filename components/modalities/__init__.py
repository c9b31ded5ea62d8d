"""Modalities: what a sample is. The table is the one place that knows them by name; each is imported when asked for.
Those of other distributions come by an entry point `graftline.modalities`."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from components.params import plugins
from components.params.backbone import InputSpec
from components.params.task import AugmentParams, TaskParams

if TYPE_CHECKING:
    from components.modalities.base import Describer, Modality, Sample

TRACKED = False  # stages depend on the parts of the chosen modality

NAMES = ("image", "text")


def load_modality(
    task: TaskParams,
    spec: InputSpec | None = None,
    augment: AugmentParams | None = None,
    assets: Path | None = None,
) -> "Modality":
    """The modality of a task.

    `spec` is what the backbone takes; decoding and inspecting do without it. Without `augment` there is
    but the clean view. `assets` is a folder with the modality's assets (a checkpoint, a release); inspecting
    does without them.
    """
    module = plugins.place("modalities", task.modality, "decode")
    opened: Modality = module.Modality(task, spec, augment, assets)
    return opened


def describers(task: TaskParams) -> "Mapping[str, Describer]":
    """What plain models see of samples, by the control's name."""
    found: Mapping[str, Describer] = plugins.place("modalities", task.modality, "baseline").DESCRIBERS
    return found


def statistics(task: TaskParams) -> "Callable[[Modality, Sample], Mapping[str, float]]":
    """What monitoring measures of a decoded sample, beside what the network makes of it."""
    found: Callable[[Modality, Sample], Mapping[str, float]]
    found = plugins.place("modalities", task.modality, "statistics").describe
    return found
