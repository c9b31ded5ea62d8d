"""F1 of all boxes: one is right that overlaps one of its thing by half. Of an image only counts are kept."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from components.evaluation.intervals import Metric
from components.evaluation.spread import Floats
from components.params.task import TaskParams
from components.problems.base import Column, Decisions, Description, Targets
from regions.box import KEPT
from regions.box.suppression import iou
from regions.influence import method

HALF = 0.5


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a model said about N images: (N,) boxes that are right, and (N,) boxes that it told and that are there."""

    hits: Floats
    boxes: Floats
    finite: bool = True

    def __len__(self) -> int:
        return len(self.hits)

    def only(self, chosen: npt.NDArray[np.bool_]) -> "Outcome":
        return Outcome(self.hits[chosen], self.boxes[chosen], self.finite)

    @property
    def correct(self) -> Floats:
        """(N,) F1 of each image; 1 where nothing is there or told."""
        return np.where(self.boxes > 0, 2 * self.hits / np.maximum(self.boxes, 1), 1.0)


def f1(outcome: Outcome) -> float:
    total = float(outcome.boxes.sum())
    return 2 * float(outcome.hits.sum()) / total if total else math.nan


def _influence(outcome: Outcome) -> Floats:
    """How much of the F1 hangs on each image: the derivative of the ratio of two sums."""
    return np.asarray((2 * outcome.hits - f1(outcome) * outcome.boxes) / outcome.boxes.sum())


def matched(told: Floats, there: Floats) -> int:
    """Boxes (n, 6), the best first, that meet one of (m, 5): each of these is met once."""
    left = list(range(len(there)))
    hits = 0
    for box in told:
        near = iou(box, there[left]) * (there[left, 4] == box[4]) if left else np.zeros(0)
        if len(near) and near.max() >= HALF:
            left.pop(int(near.argmax()))
            hits += 1
    return hits


class Judge:
    """See components.problems.base.Judge for what each member promises."""

    metrics: Mapping[str, Metric[Outcome]] = {"box_f1": Metric(f1, method("ratio of sums", f1, _influence))}
    headline = ("box_f1",)
    kept = KEPT

    def __init__(self, task: TaskParams, description: Description) -> None:
        pass

    def outcome(self, targets: Targets, answers: npt.NDArray[Any], decisions: Decisions) -> Outcome:
        pairs = [(told, there) for told, there in zip(decisions, targets, strict=True)]
        hits = np.array([matched(*pair) for pair in pairs], dtype=np.float64)
        boxes = np.array([len(told) + len(there) for told, there in pairs], dtype=np.float64)
        return Outcome(hits, boxes, bool(np.isfinite(answers).all()))

    def joined(self, outcomes: Sequence[Outcome]) -> Outcome:
        parts = [np.concatenate([getattr(one, name) for one in outcomes]) for name in ("hits", "boxes")]
        return Outcome(*parts, all(one.finite for one in outcomes))

    def constants(self, targets: Targets) -> Mapping[str, Sequence[float]]:
        return {"nothing": [0.0] * 7}

    def columns(self, outcome: Outcome) -> Mapping[str, Column]:
        return {"hits": outcome.hits, "boxes": outcome.boxes}

    def facts(self, outcome: Outcome) -> Mapping[str, object]:
        return {"hits": int(outcome.hits.sum())}

    def restored(self, columns: Mapping[str, npt.NDArray[Any]]) -> Outcome:
        return Outcome(columns["hits"], columns["boxes"])

    def tables(self, outcome: Outcome) -> Mapping[str, tuple[Sequence[str], Sequence[Sequence[object]]]]:
        rows = np.stack([outcome.hits, outcome.boxes], axis=1).tolist()
        return {"boxes.csv": (("hits", "told and there"), rows)}
