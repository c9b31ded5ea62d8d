"""Labels as numbers. At rest a label is a JSON list of them, `[0.5]`, which reads back as the same numbers."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt

from components.errors import DataError
from components.params.data import SPLITS, Labels, Limits
from components.params.task import TaskParams
from components.problems.base import Description, Mask, Targets
from components.problems.labels import Labelled, Remedies
from components.problems.regression.params import RegressionParams
from components.problems.regression.target.numbers import Numbers, read
from components.problems.windows import WholeTargets

NAMED = 10  # of more labels that are refused only so many are named
FEWEST = 2  # labelled samples that can be learned or decided by
FEW_TESTS = 30
CODES = 10  # fewer different whole numbers than these may be codes of classes


class Reading:
    """See components.problems.labels.Reading for what each member promises."""

    def __init__(self, labels: Labels, task: TaskParams, written: Iterable[str]) -> None:
        options = task.options(RegressionParams)
        self.names = labels.label_columns
        self._bounds = tuple(map(options.range_of, self.names))
        self._units = tuple(map(options.unit_of, self.names))

    def early(self, written: Sequence[str], asked: Iterable[str] = (), least: int = 0) -> None:
        if not written:
            raise DataError("No sample has a label.")

    @classmethod
    def empty(cls, task: TaskParams) -> str:
        return ""

    @classmethod
    def doubtful(cls, labels: Labels, task: TaskParams, cells: Iterable[str]) -> Sequence[str]:
        """What is no number is refused; what is left is a value that nothing holds."""
        held = set(cells)
        if labels.unlabelled is None or labels.unlabelled in held:
            return []
        empty = " Some cells hold nothing, which is written ''." if "" in held else ""
        return [
            f"{labels.file}: data.labels.unlabelled is {labels.unlabelled!r}, which no cell holds.{empty}"
        ]

    def label(self, written: str) -> str | None:
        try:
            return json.dumps(read(written, self.names, self._bounds))
        except ValueError:
            return None

    def refusal(self, strange: Mapping[str, Sequence[str]]) -> DataError:
        said = [f"{self._place(places)}{self._reason(label)}" for label, places in strange.items()]
        more = f"; and {len(said) - NAMED} more labels" if len(said) > NAMED else ""
        return DataError(
            f"The data hold labels that cannot be used: {'; '.join(said[:NAMED])}{more}.",
            "Correct them in the table, or remove their samples. How a sample without a label is written, "
            "data.labels.unlabelled says.",
        )

    def _place(self, places: Sequence[str]) -> str:
        more = f" and {len(places) - 1} more" if len(places) > 1 else ""
        return f"{places[0]}{more}: " if places else ""

    def _reason(self, label: str) -> str:
        try:
            read(label, self.names, self._bounds)
        except ValueError as error:
            return str(error)
        return repr(label)

    def strata(self, label: str) -> tuple[str, ...]:
        """Splits are not balanced by numbers: bins that follow the data would move samples between splits."""
        return ()

    def check(self, samples: Sequence[Labelled], limits: Limits, remedies: Remedies) -> None:
        held = {split: [s.label for s in samples if s.split == split] for split in SPLITS}
        wrong = [f"the split {split} has {said}" for split in SPLITS if (said := _lack(held[split], split))]
        if wrong:
            raise DataError(
                f"The numbers cannot be learned: {'; '.join(wrong)}.",
                " ".join(
                    [
                        *remedies.of_copies,
                        *remedies.of_splits,
                        "Add samples, or change the shares in data.split.",
                    ]
                ),
            )

    def describe(self, samples: Sequence[Labelled]) -> Description:
        """Mean and standard deviation are those of the training samples, whatever their order."""
        rows = [json.loads(sample.label) for sample in samples if sample.split == "train"]
        statistics = [_statistics(column) for column in zip(*rows, strict=True)]
        return {
            "problem": "regression",
            "numbers": [
                {"name": name, "unit": unit, "range": None if ends is None else list(ends)}
                for name, unit, ends in zip(self.names, self._units, self._bounds, strict=True)
            ],
            "statistics": {"mean": [m for m, _ in statistics], "scale": [s for _, s in statistics]},
        }

    def counts(self, labels: Iterable[str]) -> Mapping[str, Any]:
        """Name → least, median and greatest; None where there is none."""
        rows = [json.loads(label) for label in labels]
        held = list(zip(*rows, strict=True)) if rows else [()] * len(self.names)
        return {
            name: {
                "min": min(values, default=None),
                "median": median(values) if values else None,
                "max": max(values, default=None),
            }
            for name, values in zip(self.names, held, strict=True)
        }

    def summary(self, counts: Mapping[str, Any]) -> str:
        units = dict(zip(self.names, self._units, strict=True))
        said = [
            f"{name} from {found['min']:g} to {found['max']:g}{f' {unit}' if (unit := units[name]) else ''}, "
            f"median {found['median']:g}"
            for name, found in counts.items()
            if found["median"] is not None
        ]
        return f"with {'; '.join(said)}" if said else "without a label"

    def warnings(self, samples: Sequence[Labelled]) -> Sequence[str]:
        return [
            *self._odd([json.loads(sample.label) for sample in samples]),
            *_few_tests(sum(sample.split == "test" for sample in samples)),
        ]

    def _odd(self, rows: Sequence[Sequence[float]]) -> Iterable[str]:
        for name, values in zip(self.names, zip(*rows, strict=True), strict=False):
            kinds = sorted(set(values))
            if len(kinds) == 1:
                yield f"{name} is {kinds[0]:g} for every sample: there is nothing to learn about it."
            elif len(kinds) < CODES and all(value.is_integer() for value in kinds):
                shown = ", ".join(f"{value:g}" for value in kinds)
                yield (
                    f"{name} has only the values {shown}. Where these are codes of classes, take task.problem: "
                    "classification."
                )


def _few_tests(tests: int) -> Iterable[str]:
    if tests < FEW_TESTS:
        yield (
            f"There are {tests} labelled test samples, fewer than {FEW_TESTS}: what is measured on them is uncertain, "
            "and the gate may end inconclusive. Add samples."
        )


def _lack(labels: Sequence[str], split: str) -> str:
    """What a split lacks; of the test samples one is enough to be measured."""
    if split == "test":
        return "" if labels else "no labelled sample"
    return _lacking(len(labels), len(list(groupby(sorted(labels)))))


def _lacking(count: int, kinds: int) -> str:
    if count < FEWEST:
        return f"{count or 'no'} labelled sample{'s' * (count == 0)}, fewer than {FEWEST}"
    return f"the same target for all {count} samples" if kinds == 1 else ""


def _statistics(values: Sequence[float]) -> tuple[float, float]:
    """Mean and standard deviation, correctly rounded sums; 1 in the place of no deviation."""
    mean = math.fsum(values) / len(values)
    if min(values) == max(values):  # rounding may leave a deviation
        return values[0], 1.0
    return mean, math.sqrt(math.fsum((value - mean) ** 2 for value in values) / len(values))


class Target(WholeTargets):
    """See components.problems.base.Target for what each member promises."""

    def __init__(self, description: Description) -> None:
        self._width = len(Numbers.of(description))

    def targets(self, labels: Sequence[str]) -> Targets:
        """(N, k) float32; NaN where there is no label."""
        made = np.full((len(labels), self._width), np.nan, dtype=np.float32)
        for row, label in enumerate(labels):
            if label:
                made[row] = json.loads(label)
        return made

    def known(self, targets: Targets) -> Mask:
        return np.asarray(np.isfinite(targets).all(axis=1))

    def unknown(self, count: int) -> Targets:
        return np.full((count, self._width), np.nan, dtype=np.float32)

    def codes(self, targets: Targets) -> npt.NDArray[np.int64]:
        return np.zeros(len(targets), dtype=np.int64)

    def lacking(self, targets: Targets) -> str:
        found = _lacking(len(targets), len(np.unique(targets, axis=0)))
        return f"there is {found}" if found else ""
