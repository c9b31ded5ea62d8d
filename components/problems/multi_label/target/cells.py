"""From what cells say to the labels of a sample: several in one cell, or a cell for each."""

import json
from collections.abc import Iterable, Mapping, Sequence

from components.errors import DataError, meant
from components.params.conditions import Condition, number, read_condition
from components.params.data import Labels
from components.problems.multi_label.params import MultiLabelParams

EMPTY = "[]"  # how an empty set is written at rest, and an empty cell where task.none says that it is one
SEPARATORS = ("|", ",", ";", "/", " ")  # that people write
NAMED = 10  # of more only so many are named
YES = frozenset({"1", "1.0", "true", "yes", "y", "t"})
NO = frozenset({"0", "0.0", "false", "no", "n", "f"})


class Tokens:
    """Several labels in one cell."""

    def __init__(self, options: MultiLabelParams, written: Iterable[str]) -> None:
        """With none declared, each that occurs is a label, in sorted order."""
        self._options = options
        self._declared = bool(options.labels)
        self.names = options.labels or tuple(sorted({name for cell in written for name in self._split(cell)}))
        self._place = {name: number for number, name in enumerate(self.names)}
        self._held: dict[str, tuple[str, ...] | None] = {}

    def of(self, written: str) -> tuple[str, ...] | None:
        """The labels of a cell in their order; None where one is not declared. DataError for a cell that says two
        things."""
        if written not in self._held:
            found = set(self._split(written))
            known = found <= self._place.keys()
            self._held[written] = tuple(sorted(found, key=self._place.__getitem__)) if known else None
        return self._held[written]

    def _split(self, cell: str) -> Sequence[str]:
        """DataError where a place is empty, or the word for no label stands beside others."""
        separator, none = self._options.separator, self._options.none
        if cell in (none, EMPTY):
            return ()
        names = [name.strip() for name in cell.split(separator)]
        if "" in names:
            raise DataError(
                f"The cell {_short(cell)} has a place without a label, between or beside {separator!r}.",
                "Correct it in the table, or name another task.separator.",
            )
        if none is not None and none in names:
            raise DataError(
                f"The cell {_short(cell)} holds {none!r}, which means no label (task.none), beside others.",
                "Correct it in the table, or name another task.none.",
            )
        return names

    def refusal(self, strange: Mapping[str, Sequence[str]]) -> DataError:
        places: dict[str, list[str]] = {}
        for cell, rows in strange.items():
            for name in set(self._split(cell)) - self._place.keys():
                places.setdefault(name, []).extend(rows)
        shown = ", ".join(
            f"{name!r} ({len(rows)} samples, the first: {rows[0]}){meant(name, self.names)}"
            for name, rows in sorted(places.items())[:NAMED]
        )
        more = f" and {len(places) - NAMED} more" if len(places) > NAMED else ""
        return DataError(
            f"The data hold labels that task.labels does not name: {shown}{more}.",
            f"Labels in a cell are separated by {self._options.separator!r} (task.separator){self._hint(places)}. "
            f"Declared: {', '.join(self.names)}. Declare the new ones, or take them out of the table.",
        )

    def _hint(self, names: Iterable[str]) -> str:
        """What else may separate labels, where all that are unknown hold it."""
        held = set.intersection(*(set(name) for name in names)) - {self._options.separator}
        sign = next((sign for sign in SEPARATORS if sign in held), None)
        return f'; where {sign!r} does, write `separator: "{sign}"` below task' if sign else ""


class Columns:
    """A column for each label. Written is a JSON list of the cells."""

    def __init__(self, names: Sequence[str], labels: Labels) -> None:
        self.names = tuple(names)
        self._columns = labels.label_columns
        self._unlabelled = labels.unlabelled
        self._conditions = tuple(map(read_condition, labels.classes.values()))

    def of(self, written: str) -> tuple[str, ...] | None:
        """The labels of a row; None where a cell says neither yes nor no."""
        cells = json.loads(written)
        said = [self._says(place, cell) for place, cell in enumerate(cells)]
        if None in said:
            return None
        return tuple(name for name, yes in zip(self.names, said, strict=True) if yes)

    def _says(self, place: int, cell: str) -> bool | None:
        if cell in ("", self._unlabelled):
            return None
        if self._conditions:
            return _holds(self._conditions[place], cell)
        word = cell.casefold()
        return True if word in YES else False if word in NO else None

    def refusal(self, strange: Mapping[str, Sequence[str]]) -> DataError:
        """DataError with the columns whose cells say neither, and with rows that are labelled in part."""
        odd: dict[tuple[str, str], list[str]] = {}
        for written, places in strange.items():
            for place, cell in enumerate(json.loads(written)):
                if self._says(place, cell) is None:
                    odd.setdefault((self._columns[place], cell), []).extend(places)
        shown = "; ".join(
            f"column {column!r} says {_short(cell) if cell else 'nothing'} ({len(places)} samples, the first: "
            f"{places[0]})"
            for (column, cell), places in sorted(odd.items())[:NAMED]
        )
        return DataError(
            f"Cells of data.labels.label say neither that a sample has the label nor that it has not: {shown}.",
            "Write 1 or 0, true or false, yes or no, or say in data.labels.classes what each column must be. A row is "
            "labelled throughout, or not at all: a label that is unknown is not one that is absent.",
        )


def _holds(condition: Condition, cell: str) -> bool | None:
    """None where a number is asked for, and the cell holds none."""
    if condition.bounds and not condition.holds(cell):
        return None if number(cell) is None else False
    return condition.holds(cell)


def _short(cell: str) -> str:
    return repr(cell if len(cell) <= 60 else f"{cell[:60]}…")
