"""Labels as counts. At rest a label is the count in decimal digits."""

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
from components.problems.windows import WholeTargets
from counts.count.params import CountParams

FEWEST = 2  # labelled samples that can be learned or decided by


class Reading:
    """See components.problems.labels.Reading for what each member promises."""

    def __init__(self, labels: Labels, task: TaskParams, written: Iterable[str]) -> None:
        self._most = task.options(CountParams).most

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
        if not (written.isascii() and written.isdigit()) or int(written) > self._most:
            return None
        return str(int(written))

    def refusal(self, strange: Mapping[str, Sequence[str]]) -> DataError:
        shown = "; ".join(
            f"{places[0]}: {label!r}" if places else repr(label)
            for label, places in list(strange.items())[:10]
        )
        return DataError(
            f"These labels are no counts from 0 to {self._most}: {shown}.",
            "Correct them, or raise task.most.",
        )

    def strata(self, label: str) -> tuple[str, ...]:
        return ()

    def check(self, samples: Sequence[Labelled], limits: Limits, remedies: Remedies) -> None:
        for split in SPLITS:
            if lacks := _lacking([int(one.label) for one in samples if one.split == split]):
                raise DataError(
                    f"The counts cannot be learned: in the split {split} {lacks}.",
                    " ".join([*remedies.of_copies, *remedies.of_splits, "Add samples."]),
                )

    def describe(self, samples: Sequence[Labelled]) -> Description:
        held = [int(one.label) for one in samples if one.split == "train"]
        return {"problem": "count", "statistics": {"mean": sum(held) / len(held)}}

    def counts(self, labels: Iterable[str]) -> Mapping[str, Any]:
        held = [int(label) for label in labels]
        return {"min": min(held, default=None), "max": max(held, default=None), "sum": sum(held)}

    def summary(self, counts: Mapping[str, Any]) -> str:
        return f"with counts from {counts['min']} to {counts['max']}"

    def warnings(self, samples: Sequence[Labelled]) -> Sequence[str]:
        return ()


class Target(WholeTargets):
    """See components.problems.base.Target for what each member promises."""

    def __init__(self, description: Description) -> None:
        pass

    def targets(self, labels: Sequence[str]) -> Targets:
        """(N,) int64; -1 where there is no label."""
        return np.array([json.loads(label) if label else -1 for label in labels], dtype=np.int64)

    def known(self, targets: Targets) -> Mask:
        return np.asarray(targets >= 0)

    def unknown(self, count: int) -> Targets:
        return np.full(count, -1, dtype=np.int64)

    def codes(self, targets: Targets) -> npt.NDArray[np.int64]:
        return np.zeros(len(targets), dtype=np.int64)

    def lacking(self, targets: Targets) -> str:
        return _lacking(targets.tolist())


def _lacking(counts: Sequence[int]) -> str:
    if len(counts) < FEWEST:
        return f"there are {len(counts)} labelled samples, fewer than {FEWEST}"
    return "all counts are 0" if not any(counts) else ""
