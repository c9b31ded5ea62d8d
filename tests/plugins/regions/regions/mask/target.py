"""Labels as a digit for each pixel, row after row. A target is (pixels,) uint8, or None where there is no label."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from components.problems.base import Description, Targets
from components.problems.labels import Labelled
from components.problems.windows import WholeTargets
from regions import SIDE
from regions.labels import PlainReading, RaggedTargets
from regions.mask.params import MaskParams


class Reading(PlainReading):
    what = "masks"
    allowed = f"Write {SIDE * SIDE} digits for each image, those of task.regions from 0 on."

    @property
    def _names(self) -> tuple[str, ...]:
        return self.task.options(MaskParams).regions

    def label(self, written: str) -> str | None:
        allowed = set("0123456789"[: len(self._names)])
        return written if len(written) == SIDE * SIDE and set(written) <= allowed else None

    def describe(self, samples: Sequence[Labelled]) -> Description:
        return {"problem": "mask", "regions": list(self._names)}

    def counts(self, labels: Iterable[str]) -> Mapping[str, Any]:
        held = list(labels)
        return {name: sum(label.count(str(k)) for label in held) for k, name in enumerate(self._names)}

    def summary(self, counts: Mapping[str, Any]) -> str:
        return "with pixels of " + ", ".join(f"{name} {count}" for name, count in counts.items())


class Target(RaggedTargets, WholeTargets):
    """See components.problems.base.Target for what each member promises."""

    def __init__(self, description: Description) -> None:
        pass

    def read(self, label: str) -> npt.NDArray[np.uint8]:
        return np.frombuffer(label.encode(), dtype=np.uint8) - ord("0")

    def lacking(self, targets: Targets) -> str:
        return "" if len(targets) else "there is no mask"
