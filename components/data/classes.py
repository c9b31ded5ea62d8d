"""From a label as it was written to a class: by equality, or by conditions on a number."""

import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from components.errors import DataError, ParamsError

RULE = re.compile(r"^(<=|>=|==|!=|<|>)\s*(.+)$")
OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


def number(text: str) -> float | None:
    """The finite number that `text` writes, if it does."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


@dataclass(frozen=True)
class Condition:
    """What a class asks of a label: equality with `value`, or all of `bounds` (operator, number)."""

    value: str
    bounds: tuple[tuple[str, float], ...] = ()

    def holds(self, label: str) -> bool:
        found = number(label)
        if self.bounds:
            return found is not None and all(OPERATORS[sign](found, bound) for sign, bound in self.bounds)
        wanted = number(self.value)
        return label == self.value or (found is not None and found == wanted)


def parse_condition(text: str | float) -> Condition:
    """`defective`, `1`, `< 0.5`, or several joined by commas: `>= 0.2, < 0.5`. ParamsError otherwise."""
    written = str(text).strip()
    if not RULE.match(written):
        return Condition(written)
    bounds = []
    for part in written.split(","):
        found = RULE.match(part.strip())
        bound = number(found[2]) if found else None
        if found is None or bound is None:
            raise ParamsError(
                f"data.labels.classes: {written!r} is not a condition.",
                "Allowed: a value, or `<`, `<=`, `>`, `>=`, `==`, `!=` and a number, joined by commas.",
            )
        bounds.append((found[1], bound))
    return Condition(written, tuple(bounds))


class Classes:
    """The classes in their order, and which label belongs to which."""

    def __init__(self, declared: Mapping[str, str | float], labels: Iterable[str]) -> None:
        """With nothing declared, each distinct label is a class, in sorted order."""
        self._conditions = {name: parse_condition(text) for name, text in declared.items()} or {
            label: Condition(label) for label in sorted(set(labels))
        }
        self.names = tuple(self._conditions)
        self._known: dict[str, str | None] = {}

    def of(self, label: str) -> str | None:
        """The class of a label; None where no condition holds. DataError where several do."""
        if label not in self._known:
            found = [name for name, condition in self._conditions.items() if condition.holds(label)]
            if len(found) > 1:
                raise DataError(
                    f"The label {label!r} belongs to {' and '.join(found)}.",
                    "Make the conditions in data.labels.classes exclude each other.",
                )
            self._known[label] = found[0] if found else None
        return self._known[label]

    def target(self, name: str) -> int:
        return self.names.index(name)
