"""Labels as classes: each is the name of one, and a target is its index."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from components.errors import DataError, meant
from components.params.data import SPLITS, Labels, Limits
from components.params.task import TaskParams
from components.problems.base import Description, Mask, Targets
from components.problems.classification.params import ClassificationParams
from components.problems.classification.target.classes import Classes, doubtful
from components.problems.classification.target.warnings import class_counts, few_tests, look_alike, numeric
from components.problems.labels import Labelled, Remedies
from components.problems.windows import WholeTargets

UNLABELLED = -1
NAMED = 10  # of more classes only so many are named


class Reading:
    """See components.problems.labels.Reading for what each member promises."""

    def __init__(self, labels: Labels, task: TaskParams, written: Iterable[str]) -> None:
        self._classes = Classes(labels.classes, written)
        self.names = self._classes.names
        check_positive(task.options(ClassificationParams).positive, self.names)

    @classmethod
    def empty(cls, task: TaskParams) -> str:
        return ""

    @classmethod
    def doubtful(cls, labels: Labels, task: TaskParams, cells: Iterable[str]) -> Sequence[str]:
        return doubtful(cells, labels)

    def label(self, written: str) -> str | None:
        return self._classes.of(written)

    def refusal(self, strange: Mapping[str, Sequence[str]]) -> DataError:
        named = ", ".join(
            f"{label!r} ({len(places)} samples, the first: {places[0]})"
            for label, places in sorted(strange.items())[:NAMED]
        )
        return DataError(
            f"The data hold labels that belong to no class of data.labels.classes: {named}.",
            f"{self._classes.as_numbers(strange)}Declared classes: {', '.join(self.names)}. Declare the new ones, or "
            "remove their samples.",
        )

    def early(self, written: Sequence[str], asked: Iterable[str] = (), least: int = 0) -> None:
        if not self.names:
            raise DataError("No sample has a label.")
        check_recalls(asked, self.names)
        counts = Counter(self._classes.of(label) or "" for label in written)
        refuse(too_small(counts, self.names, least), self.names)

    def strata(self, label: str) -> tuple[str, ...]:
        return (label,)

    def check(self, samples: Sequence[Labelled], limits: Limits, remedies: Remedies) -> None:
        check_classes(samples, self.names, limits, remedies)

    def describe(self, samples: Sequence[Labelled]) -> Description:
        return {"problem": "classification", "classes": list(self.names)}

    def counts(self, labels: Iterable[str]) -> Mapping[str, int]:
        found = Counter(labels)
        return {name: found[name] for name in self.names}

    def summary(self, counts: Mapping[str, int]) -> str:
        return f"of {len(counts)} classes: {class_counts(counts)}"

    def warnings(self, samples: Sequence[Labelled]) -> Sequence[str]:
        numbers = numeric(self.names)
        return [*([numbers] if numbers else []), *look_alike(self.names), *few_tests(samples, self.names)]


class Target(WholeTargets):
    """See components.problems.base.Target for what each member promises."""

    def __init__(self, description: Description) -> None:
        self._classes = tuple(description["classes"])

    def targets(self, labels: Sequence[str]) -> Targets:
        """(N,) int64 class indices; -1 where there is no label."""
        place = {name: number for number, name in enumerate(self._classes)} | {"": UNLABELLED}
        return np.array([place[label] for label in labels], dtype=np.int64)

    def known(self, targets: Targets) -> Mask:
        return np.asarray(targets >= 0)

    def unknown(self, count: int) -> Targets:
        return np.full(count, UNLABELLED)

    def codes(self, targets: Targets) -> npt.NDArray[np.int64]:
        return np.asarray(targets, dtype=np.int64)

    def lacking(self, targets: Targets) -> str:
        counts = np.bincount(targets, minlength=len(self._classes))
        absent = [name for name, count in zip(self._classes, counts, strict=True) if not count]
        return f"class {absent[0]!r} has no labelled sample" if absent else ""


def check_positive(positive: str | None, classes: Sequence[str]) -> None:
    """DataError where `task.positive` is no class, or one of more than two."""
    if positive is None:
        return
    if len(classes) > 2:
        raise DataError(
            f"task.positive is {positive!r}, but there are {len(classes)} classes: {_few(classes)}.",
            "A decision threshold needs two classes: leave task.positive out, or join classes in "
            "data.labels.classes.",
        )
    if positive in classes:
        return
    hint = meant(positive, classes) or "."
    raise DataError(
        f"task.positive is {positive!r}, which is no class of the data{hint}",
        f"The classes are {_few(classes)}.",
    )


def check_recalls(asked: Iterable[str], classes: Sequence[str]) -> None:
    """DataError where a rule of the gate asks for the recall of what is no class."""
    for name in asked:
        if name not in classes:
            hint = meant(name, classes) or "."
            raise DataError(
                f"gate.rules asks for the recall of {name!r}, which is no class of the data{hint}",
                f"The classes are {_few(classes)}.",
            )


def _few(classes: Sequence[str]) -> str:
    return f"{', '.join(classes[:NAMED])}{' …' if len(classes) > NAMED else ''}"


def check_classes(
    samples: Sequence[Labelled], classes: Sequence[str], limits: Limits, remedies: Remedies
) -> None:
    """DataError that names every class which is empty, alone, too small, or absent from a split."""
    counts = Counter(sample.label for sample in samples)
    splits: dict[str, set[str]] = defaultdict(set)
    for sample in samples:
        splits[sample.label].add(sample.split)
    # Without a class there, nothing can be learned, chosen, calibrated or measured about it.
    absent = [
        f"class {name!r} has {counts[name]} samples, but none in the split {split}"
        for name in classes
        if counts[name] >= max(1, limits.min_per_class)
        for split in SPLITS
        if split not in splits[name]
    ]
    wrong = [*too_small(counts, classes, limits.min_per_class), *absent]
    refuse(wrong, classes, [*remedies.of_copies, *(remedies.of_splits if absent else ())])


def too_small(counts: Mapping[str, int], classes: Sequence[str], least: int) -> list[str]:
    """What is wrong whatever the splits are; with `least` 0, no class is too small."""
    alone = len(classes) == 1
    wrong = [f"{classes[0]!r} is the only class: there is nothing to tell it from"] if alone else []
    for name in classes if least else ():
        count = counts[name]
        if not count:
            wrong.append(f"class {name!r} is empty")
        elif count < least:
            wrong.append(f"class {name!r} has {count} sample{'s' * (count > 1)}, fewer than {least}")
    return wrong


def refuse(wrong: Sequence[str], classes: Sequence[str], remedies: Sequence[str] = ()) -> None:
    """DataError of what is wrong, if anything is."""
    if not wrong:
        return
    more = f"; and so on, {len(wrong)} in all, of {len(classes)} classes" if len(wrong) > NAMED else ""
    column = "Does data.labels.label name the column of the classes? " if more else ""
    if numbers := numeric(classes):
        column += f"{numbers} "
    raise DataError(
        f"The classes cannot be learned: {'; '.join(wrong[:NAMED])}{more}.",
        " ".join(
            [
                *remedies,
                f"{column}Add samples, change data.labels.classes or the shares in data.split, or lower "
                "data.limits.min_per_class.",
            ]
        ),
    )
