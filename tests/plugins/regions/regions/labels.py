"""What reading masks and reading boxes have in common."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from components.errors import DataError
from components.params.data import SPLITS, Labels, Limits
from components.params.task import TaskParams
from components.problems.base import Mask, Targets
from components.problems.labels import Labelled, Remedies


class PlainReading:
    """See components.problems.labels.Reading for what each member promises."""

    what: ClassVar[str]
    allowed: ClassVar[str]

    def __init__(self, labels: Labels, task: TaskParams, written: Iterable[str]) -> None:
        self.task = task

    def early(self, written: Sequence[str], asked: Iterable[str] = (), least: int = 0) -> None:
        """Nothing can be told."""

    @classmethod
    def empty(cls, task: TaskParams) -> str:
        return ""

    @classmethod
    def doubtful(cls, labels: Labels, task: TaskParams, cells: Iterable[str]) -> Sequence[str]:
        return ()

    def label(self, written: str) -> str | None:
        raise NotImplementedError

    def refusal(self, strange: Mapping[str, Sequence[str]]) -> DataError:
        shown = "; ".join(repr(label[:20]) for label in list(strange)[:10])
        return DataError(f"These labels are no {self.what}: {shown}.", self.allowed)

    def strata(self, label: str) -> tuple[str, ...]:
        return ()

    def check(self, samples: Sequence[Labelled], limits: Limits, remedies: Remedies) -> None:
        for split in SPLITS:
            if not any(one.split == split for one in samples):
                raise DataError(
                    f"The split {split} has no {self.what}.", " ".join([*remedies.of_splits, "Add images."])
                )

    def warnings(self, samples: Sequence[Labelled]) -> Sequence[str]:
        return ()


class RaggedTargets:
    """(N,) objects: an array for each image, None where there is no label."""

    def read(self, label: str) -> npt.NDArray[Any]:
        raise NotImplementedError

    def targets(self, labels: Sequence[str]) -> Targets:
        found = self.unknown(len(labels))
        for place, label in enumerate(labels):
            if label:
                found[place] = self.read(label)
        return found

    def known(self, targets: Targets) -> Mask:
        return np.array([target is not None for target in targets], dtype=bool)

    def unknown(self, count: int) -> Targets:
        return np.full(count, None, dtype=object)

    def codes(self, targets: Targets) -> npt.NDArray[np.int64]:
        return np.zeros(len(targets), dtype=np.int64)
