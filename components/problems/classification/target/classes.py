"""From a label as it was written to a class: by equality, or by conditions on a number."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal

from components.errors import DataError
from components.params.conditions import number, read_condition
from components.params.data import Labels
from components.problems.doubts import in_rows, no_value, rows


class Classes:
    """The classes in their order, and which label belongs to which."""

    def __init__(self, declared: Mapping[str, str | float], labels: Iterable[str]) -> None:
        """With nothing declared, each distinct label is a class, in sorted order."""
        conditions = {name: read_condition(value) for name, value in declared.items()}
        self._bounded = {name: condition for name, condition in conditions.items() if condition.bounds}
        self._texts: dict[str, list[str]] = defaultdict(list)
        for name, condition in conditions.items():
            if not condition.bounds:
                self._texts[condition.value].append(name)
        self.names = tuple(conditions) or tuple(sorted(set(labels)))
        if not conditions:
            self._texts |= {label: [label] for label in self.names}
        self._known: dict[str, str | None] = {}

    def of(self, label: str) -> str | None:
        """The class of a label; None where no condition holds. DataError where several do."""
        if label not in self._known:
            held = [*self._texts.get(label, ())]
            held += [name for name, condition in self._bounded.items() if condition.holds(label)]
            if len(held) > 1:
                raise DataError(
                    f"The label {label!r} belongs to {' and '.join(held)}.",
                    "Make the conditions in data.labels.classes exclude each other.",
                )
            self._known[label] = held[0] if held else None
        return self._known[label]

    def target(self, name: str) -> int:
        return self.names.index(name)

    def as_numbers(self, labels: Iterable[str]) -> str:
        """What to advise where one of `labels` is a declared text's number in other words; nothing otherwise."""
        numbers = {value: text for text in self._texts if (value := number(text)) is not None}
        for label in labels:
            if (text := numbers.get(number(label) or Decimal("nan"))) is not None:
                return f"To compare numbers, write {text} without quotes: then it takes {label!r}, too. "
        return ""


def doubtful(cells: Iterable[str], labels: Labels) -> list[str]:
    """What in a column of labels is probably not meant, a sentence each: `cells` are its texts, row by row."""
    counts = Counter(cells)
    sentences = []
    words = [] if labels.classes else [word for word in no_value(counts) if word != labels.unlabelled]
    if words:
        sentences.append(
            f"{labels.file}: the column {labels.label!r} holds {in_rows(words, counts)}; each is a class. If it "
            f'means that there is no label, write `unlabelled: "{min(words)}"` below data.labels, in quotes, or empty '
            "the cells; if it is a class, name all classes in data.labels.classes."
        )
    if labels.unlabelled is not None and labels.unlabelled not in counts:
        empty = f" {rows(counts[''])} hold nothing, which is written ''." if counts[""] else ""
        sentences.append(
            f"{labels.file}: data.labels.unlabelled is {labels.unlabelled!r}, which no cell of the column "
            f"{labels.label!r} holds.{empty}"
        )
    return sentences
