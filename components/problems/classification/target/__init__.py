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
from components.problems.classification.target.warnings import alike, class_counts, few_tests, numeric
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
    def early(
        cls, labels: Labels, task: TaskParams, written: Iterable[str], asked: Iterable[str] = ()
    ) -> None:
        names = sorted(labels.classes or set(written))
        check_classes_named(names)
        check_positive(task.options(ClassificationParams).positive, names)
        check_recalls(asked, names)

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
        return [*([numbers] if numbers else []), *alike(self.names), *few_tests(samples, self.names)]


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


def check_classes_named(classes: Sequence[str]) -> None:
    """DataError where there are fewer than two classes."""
    if len(classes) < 2:
        raise DataError(
            f"{classes[0]!r} is the only class: there is nothing to tell it from."
            if classes
            else "No sample has a label."
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
    wrong = []
    if len(classes) < 2:
        wrong.append(f"{classes[0]!r} is the only class: there is nothing to tell it from")
    for name in classes:
        if counts[name] == 0:
            wrong.append(f"class {name!r} is empty")
        elif counts[name] < limits.min_per_class:
            held = f"{counts[name]} sample{'s' if counts[name] > 1 else ''}"
            wrong.append(f"class {name!r} has {held}, fewer than {limits.min_per_class}")
        else:
            # Without a class there, nothing can be learned, chosen, calibrated or measured about it.
            held = f"class {name!r} has {counts[name]} samples, but none in the split"
            wrong += [f"{held} {split}" for split in SPLITS if split not in splits[name]]
    if wrong:
        more = f"; and so on, {len(wrong)} in all, of {len(classes)} classes" if len(wrong) > NAMED else ""
        column = "Does data.labels.label name the column of the classes? " if more else ""
        if numbers := numeric(classes):
            column += f"{numbers} "
        raise DataError(
            f"The classes cannot be learned: {'; '.join(wrong[:NAMED])}{more}.",
            " ".join(
                [
                    *remedies.of_copies,
                    *(remedies.of_splits if any("none in the split" in line for line in wrong) else ()),
                    f"{column}Add samples, change data.labels.classes or the shares in data.split, or lower "
                    "data.limits.min_per_class.",
                ]
            ),
        )
