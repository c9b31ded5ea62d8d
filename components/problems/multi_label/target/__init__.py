"""Labels as a set: a text at rest is a JSON list of names in their order, a target is 0 or 1 for each label."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from components.errors import DataError
from components.params.data import Labels, Limits
from components.params.task import TaskParams
from components.problems.base import Description, Mask, Targets
from components.problems.labels import Labelled, Remedies
from components.problems.multi_label.params import MultiLabelParams, named
from components.problems.multi_label.target.cells import EMPTY, Columns, Tokens
from components.problems.multi_label.target.checks import (
    NOTHING,
    check_asked,
    check_counts,
    check_labels,
    check_some,
    counted,
    doubtful,
    few_tests,
    look_alike,
)
from components.problems.windows import WholeTargets

UNLABELLED = -1


class Reading:
    """See components.problems.labels.Reading for what each member promises."""

    def __init__(self, labels: Labels, task: TaskParams, written: Iterable[str]) -> None:
        self._cells = _cells(labels, task, written)
        self.names = self._cells.names
        check_some(self.names)

    def early(self, written: Sequence[str], asked: Iterable[str] = (), least: int = 0) -> None:
        check_asked(asked, self.names)
        if least:
            check_counts([self._cells.of(cell) or () for cell in written], self.names, least)

    @classmethod
    def empty(cls, task: TaskParams) -> str:
        return EMPTY if task.options(MultiLabelParams).none == "" else ""

    @classmethod
    def doubtful(cls, labels: Labels, task: TaskParams, cells: Iterable[str]) -> Sequence[str]:
        return doubtful(labels, task.options(MultiLabelParams), cells)

    def label(self, written: str) -> str | None:
        held = self._cells.of(written)
        return None if held is None else json.dumps(list(held), ensure_ascii=False)

    def refusal(self, strange: Mapping[str, Sequence[str]]) -> DataError:
        return self._cells.refusal(strange)

    def strata(self, label: str) -> tuple[str, ...]:
        return names_of(label)

    def check(self, samples: Sequence[Labelled], limits: Limits, remedies: Remedies) -> None:
        check_labels([(names_of(s.label), s.split) for s in samples], self.names, limits, remedies)

    def describe(self, samples: Sequence[Labelled]) -> Description:
        return {"problem": "multi_label", "labels": list(self.names)}

    def counts(self, labels: Iterable[str]) -> Mapping[str, Any]:
        """Samples of each label, and those without any."""
        held = [names_of(label) for label in labels]
        each = Counter(name for names in held for name in names)
        return {name: each[name] for name in self.names} | {NOTHING: sum(not names for names in held)}

    def summary(self, counts: Mapping[str, Any]) -> str:
        each = {name: counts[name] for name in self.names}
        return f"with any of {len(each)} labels, {counts[NOTHING]} with none: {counted(each)}"

    def warnings(self, samples: Sequence[Labelled]) -> Sequence[str]:
        tests = [names_of(s.label) for s in samples if s.split == "test"]
        return [*look_alike(self.names), *few_tests(tests, self.names)]


class Target(WholeTargets):
    """See components.problems.base.Target for what each member promises."""

    def __init__(self, description: Description) -> None:
        self._labels = tuple(description["labels"])

    def targets(self, labels: Sequence[str]) -> Targets:
        """(N, L) int8: 1 where a sample has the label, 0 where not; -1 throughout where it is unlabelled."""
        place = {name: number for number, name in enumerate(self._labels)}
        found = np.zeros((len(labels), len(self._labels)), dtype=np.int8)
        for row, label in enumerate(labels):
            if not label:
                found[row] = UNLABELLED
            else:
                found[row, [place[name] for name in names_of(label)]] = 1
        return found

    def known(self, targets: Targets) -> Mask:
        return np.asarray((targets >= 0).all(axis=1))

    def unknown(self, count: int) -> Targets:
        return np.full((count, len(self._labels)), UNLABELLED, dtype=np.int8)

    def codes(self, targets: Targets) -> npt.NDArray[np.int64]:
        """The rarest label that a sample has: dealing these evenly deals rare labels evenly."""
        return rarest(targets)

    def lacking(self, targets: Targets) -> str:
        positives = (targets == 1).sum(axis=0)
        for name, count in zip(self._labels, positives.tolist(), strict=True):
            if not 0 < count < len(targets):
                return f"{'no' if not count else 'every'} labelled sample has the label {name!r}"
        return ""


def names_of(label: str) -> tuple[str, ...]:
    """The labels of a text at rest."""
    return tuple(json.loads(label)) if label else ()


FEW = 10  # samples that a code has at least: fewer cannot be dealt to folds


def rarest(targets: Targets) -> npt.NDArray[np.int64]:
    """(N,): 0 for no label, else a number for each sample's rarest label; those of few samples are put together."""
    positives = targets == 1
    order = np.argsort(positives.sum(axis=0), kind="stable")
    ranked = positives[:, order]
    codes = np.where(ranked.any(axis=1), order[ranked.argmax(axis=1)] + 1, 0).astype(np.int64)
    counts = np.bincount(codes, minlength=targets.shape[1] + 1)
    small = np.flatnonzero((counts > 0) & (counts < FEW))
    if not len(small):
        return codes
    together = int(np.where(np.isin(np.arange(len(counts)), small), -1, counts).argmax())
    if counts[small].sum() >= FEW:
        together = int(small[0])
    return np.where(np.isin(codes, small), together, codes).astype(np.int64)


def _cells(labels: Labels, task: TaskParams, written: Iterable[str]) -> "Tokens | Columns":
    options = task.options(MultiLabelParams)
    if isinstance(labels.label, str):
        return Tokens(options, written)
    return Columns(named(labels, options), labels)
