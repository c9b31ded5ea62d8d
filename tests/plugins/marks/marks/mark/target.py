"""Labels as positions: `3 17`, or `none`. At rest a label is their JSON list; a target is (marks,) int64, or None."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from components.errors import DataError
from components.params.data import SPLITS, Labels, Limits
from components.params.task import TaskParams
from components.problems.base import Description, Mask, Targets
from components.problems.labels import Labelled, Remedies
from components.problems.windows import Window

FEWEST = 2  # labelled samples that can be learned or decided by
NONE = "none"


class Reading:
    """See components.problems.labels.Reading for what each member promises."""

    def __init__(self, labels: Labels, task: TaskParams, written: Iterable[str]) -> None:
        pass

    def early(self, written: Sequence[str], asked: Iterable[str] = (), least: int = 0) -> None:
        if not written:
            raise DataError("No sample has a label.")

    @classmethod
    def empty(cls, task: TaskParams) -> str:
        return ""

    @classmethod
    def doubtful(cls, labels: Labels, task: TaskParams, cells: Iterable[str]) -> Sequence[str]:
        return ()

    def label(self, written: str) -> str | None:
        words = [] if written == NONE else written.split()
        if not (words or written == NONE) or not all(word.isascii() and word.isdigit() for word in words):
            return None
        return json.dumps(sorted({int(word) for word in words}))

    def refusal(self, strange: Mapping[str, Sequence[str]]) -> DataError:
        shown = "; ".join(repr(label) for label in list(strange)[:10])
        return DataError(f"These labels are no positions: {shown}.", "Write numbers from 0 on, or none.")

    def strata(self, label: str) -> tuple[str, ...]:
        return ()

    def check(self, samples: Sequence[Labelled], limits: Limits, remedies: Remedies) -> None:
        for split in SPLITS:
            if lacks := _lacking([json.loads(one.label) for one in samples if one.split == split]):
                raise DataError(
                    f"The marks cannot be learned: in the split {split} {lacks}.",
                    " ".join([*remedies.of_copies, *remedies.of_splits, "Add samples."]),
                )

    def describe(self, samples: Sequence[Labelled]) -> Description:
        return {"problem": "mark"}

    def counts(self, labels: Iterable[str]) -> Mapping[str, Any]:
        held = [len(json.loads(label)) for label in labels]
        return {"marks": sum(held), "most": max(held, default=None), "without": held.count(0)}

    def summary(self, counts: Mapping[str, Any]) -> str:
        return f"with {counts['marks']} marks"

    def warnings(self, samples: Sequence[Labelled]) -> Sequence[str]:
        return ()


class Target:
    """See components.problems.base.Target for what each member promises."""

    def __init__(self, description: Description) -> None:
        pass

    def targets(self, labels: Sequence[str]) -> Targets:
        """(N,) objects."""
        return ragged([np.array(json.loads(label), dtype=np.int64) if label else None for label in labels])

    def known(self, targets: Targets) -> Mask:
        return np.array([target is not None for target in targets], dtype=bool)

    def unknown(self, count: int) -> Targets:
        return ragged([None] * count)

    def of_windows(self, targets: Targets, windows: Sequence[Window]) -> Targets:
        """The marks that a window holds, counted from its start."""
        (marks,) = targets
        if marks is None:
            return self.unknown(len(windows))
        spans = [(window.start[0], window.stop[0]) if window.start else (0, np.inf) for window in windows]
        return ragged([marks[(marks >= start) & (marks < stop)] - start for start, stop in spans])

    def codes(self, targets: Targets) -> npt.NDArray[np.int64]:
        return np.zeros(len(targets), dtype=np.int64)

    def lacking(self, targets: Targets) -> str:
        return _lacking([target.tolist() for target in targets])


def ragged(values: Sequence[Any]) -> npt.NDArray[Any]:
    """(N,) objects, also where all have one shape."""
    found = np.empty(len(values), dtype=object)
    for place, value in enumerate(values):
        found[place] = value
    return found


def _lacking(marks: Sequence[Sequence[int]]) -> str:
    if len(marks) < FEWEST:
        return f"there are {len(marks)} labelled samples, fewer than {FEWEST}"
    return "" if any(marks) else "nothing is marked"
