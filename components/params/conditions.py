"""What `data.labels.classes` asks of a label: to be a text, to be a number, or to lie within bounds."""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator

RULE = re.compile(r"^(<=|>=|==|!=|<|>)\s*(.+)$")
# Python's own float() takes more: 1_0, digits of any script, infinity.
NUMBER = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]{1,9})?")
OPERATORS: Mapping[str, Callable[[Decimal, Decimal], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


def number(text: str) -> Decimal | None:
    """The number that `text` writes in decimal, exactly, if it does."""
    return Decimal(text) if NUMBER.fullmatch(text) else None


@dataclass(frozen=True)
class Condition:
    """What a class asks of a label: the same text, or a number for which all `bounds` (operator, number) hold."""

    value: str
    bounds: tuple[tuple[str, Decimal], ...] = ()

    def holds(self, label: str) -> bool:
        if not self.bounds:
            return label == self.value
        given = number(label)
        return given is not None and all(OPERATORS[sign](given, bound) for sign, bound in self.bounds)


def read_condition(value: str | float) -> Condition:
    """`defective`, "1.10" (a text), 1 (a number), `< 0.5`, or several joined by commas. ValueError otherwise."""
    if not isinstance(value, str):
        return Condition(str(value), (("==", Decimal(str(value))),))
    written = value.strip()
    if not RULE.match(written):
        return Condition(written)
    bounds = []
    for part in written.split(","):
        rule = RULE.match(part.strip())
        bound = number(rule[2].strip()) if rule else None
        if rule is None or bound is None:
            raise ValueError(
                f"{written!r} is not a condition; allowed: a value, or `<`, `<=`, `>`, `>=`, `==`, `!=` and a "
                "number, joined by commas"
            )
        bounds.append((rule[1], bound))
    return Condition(written, tuple(bounds))


def _no_truth(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError(
            f"{value!r} is neither a text nor a number; write it in quotes as it stands in the table"
        )
    return value


Value = Annotated[str | int | float, BeforeValidator(_no_truth)]


def check_values(classes: Mapping[str, str | float], of_one: bool = True) -> None:
    """ValueError for what is no condition, or where two classes ask for the same `of_one` column."""
    names: dict[object, str] = {}
    for name, value in classes.items():
        try:
            condition = read_condition(value)
        except ValueError as error:
            raise ValueError(f"classes.{name}: {error}") from None
        other = names.setdefault(condition.bounds or condition.value, name)
        if of_one and other != name:
            raise ValueError(
                f"classes.{other} and classes.{name} both ask for {condition.value!r}; what is no number needs quotes"
            )
