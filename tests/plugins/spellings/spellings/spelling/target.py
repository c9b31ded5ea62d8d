"""Labels are texts. A target is one, too: (N,) objects, None where there is no label."""

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
from spellings.spelling.params import SpellingParams


class Reading:
    """See components.problems.labels.Reading for what each member promises."""

    def __init__(self, labels: Labels, task: TaskParams, written: Iterable[str]) -> None:
        self._options = task.options(SpellingParams)

    def early(self, written: Sequence[str], asked: Iterable[str] = (), least: int = 0) -> None:
        """Nothing can be told."""

    @classmethod
    def empty(cls, task: TaskParams) -> str:
        return ""

    @classmethod
    def doubtful(cls, labels: Labels, task: TaskParams, cells: Iterable[str]) -> Sequence[str]:
        return ()

    def label(self, written: str) -> str | None:
        fits = len(written) < self._options.most and set(written) <= set(self._options.letters)
        return written if fits else None

    def refusal(self, strange: Mapping[str, Sequence[str]]) -> DataError:
        shown = ", ".join(map(repr, list(strange)[:10]))
        return DataError(f"These labels are no spellings: {shown}.", "Write letters of task.letters.")

    def strata(self, label: str) -> tuple[str, ...]:
        return ()

    def check(self, samples: Sequence[Labelled], limits: Limits, remedies: Remedies) -> None:
        for split in SPLITS:
            if not any(one.split == split for one in samples):
                raise DataError(f"The split {split} has no texts.", "Add samples.")

    def describe(self, samples: Sequence[Labelled]) -> Description:
        return {"problem": "spelling", "letters": self._options.letters, "most": self._options.most}

    def counts(self, labels: Iterable[str]) -> Mapping[str, Any]:
        return {"letters": sum(map(len, labels))}

    def summary(self, counts: Mapping[str, Any]) -> str:
        return f"with {counts['letters']} letters"

    def warnings(self, samples: Sequence[Labelled]) -> Sequence[str]:
        return ()


class Target(WholeTargets):
    """See components.problems.base.Target for what each member promises."""

    def __init__(self, description: Description) -> None:
        pass

    def targets(self, labels: Sequence[str]) -> Targets:
        return np.array([label or None for label in labels], dtype=object)

    def known(self, targets: Targets) -> Mask:
        return np.array([target is not None for target in targets], dtype=bool)

    def unknown(self, count: int) -> Targets:
        return np.full(count, None, dtype=object)

    def codes(self, targets: Targets) -> npt.NDArray[np.int64]:
        return np.zeros(len(targets), dtype=np.int64)

    def lacking(self, targets: Targets) -> str:
        return "" if len(targets) else "there is no text"
