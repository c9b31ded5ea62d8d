"""Labels as a JSON list of [left, top, right, bottom, thing]. A target is (boxes, 5) float64, or None without one."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from components.problems.base import Description, Targets
from components.problems.labels import Labelled
from components.problems.windows import WholeTargets
from regions import SIDE
from regions.box.params import BoxParams
from regions.labels import PlainReading, RaggedTargets


class Reading(PlainReading):
    what = "boxes"
    allowed = f"Write [[left, top, right, bottom, thing], …], in pixels from 0 to {SIDE}; [] where there is nothing."

    @property
    def _names(self) -> tuple[str, ...]:
        return self.task.options(BoxParams).things

    def label(self, written: str) -> str | None:
        try:
            boxes = np.array(json.loads(written), dtype=np.float64).reshape(-1, 5)
        except (ValueError, TypeError):
            return None
        inside = (boxes[:, :2] >= 0) & (boxes[:, :2] < boxes[:, 2:4]) & (boxes[:, 2:4] <= SIDE)
        things = np.isin(boxes[:, 4], range(len(self._names)))
        return json.dumps(boxes.tolist()) if inside.all() and things.all() else None

    def describe(self, samples: Sequence[Labelled]) -> Description:
        return {"problem": "box", "things": list(self._names)}

    def counts(self, labels: Iterable[str]) -> Mapping[str, Any]:
        held = [len(json.loads(label)) for label in labels]
        return {"boxes": sum(held), "without": held.count(0)}

    def summary(self, counts: Mapping[str, Any]) -> str:
        return f"with {counts['boxes']} boxes"


class Target(RaggedTargets, WholeTargets):
    """See components.problems.base.Target for what each member promises."""

    def __init__(self, description: Description) -> None:
        pass

    def read(self, label: str) -> npt.NDArray[np.float64]:
        return np.array(json.loads(label), dtype=np.float64).reshape(-1, 5)

    def lacking(self, targets: Targets) -> str:
        return "" if any(len(boxes) for boxes in targets) else "there is no box"
