"""What `data.labels.classes` asks of a label: to be a text, to be a number, or to lie within bounds."""

import json
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator

RULE = re.compile(r"^(<=|>=|==|!=|<|>)\s*(.+)$")
# Python's own float() takes more: 1_0, digits of any script, infinity.
NUMBER = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]{1,9})?")
COMMA = re.compile(r"(?<=[0-9]),(?=[0-9])")
OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
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
            point = COMMA.sub(".", written)
            hint = f". Write decimals with a point: {point!r}" if point != written else ""
            raise ValueError(
                f"{written!r} is not a condition; allowed: a value, or `<`, `<=`, `>`, `>=`, `==`, `!=` and a "
                f"number, joined by commas{hint}"
            )
        bounds.append((rule[1], bound))
    return Condition(written, tuple(bounds))


def turned(classes: Mapping[str, object]) -> str:
    """`{ok: "0", bad: "1"}` of the classes {"0": "ok", "1": "bad"}, which are the wrong way round."""
    return f"{{{', '.join(f'{value}: {json.dumps(name, ensure_ascii=False)}' for name, value in classes.items())}}}"


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
    conditions: dict[str, Condition] = {}
    for name, value in classes.items():
        try:
            condition = conditions[name] = read_condition(value)
        except ValueError as error:
            raise ValueError(f"classes.{name}: {error}") from None
        other = names.setdefault(condition.bounds or condition.value, name)
        if of_one and other != name:
            raise ValueError(
                f"classes.{other} and classes.{name} both ask for {condition.value!r}; what is no number needs quotes"
            )
    for together in [conditions] if of_one else [{name: one} for name, one in conditions.items()]:
        _check_apart(together)


@dataclass(frozen=True)
class Line:
    """Numbers as places in their order: each bound of a condition is one (odd), and so is what lies between two bounds,
    below all, or above all (even).

    Attributes:
        bounds: in their order.
        ranges: class → (operator, place of its bound), of those that hold for more than one number.
        exact: place of a number → its class, of those that ask for one.
    """

    bounds: Sequence[Decimal]
    ranges: Mapping[str, Sequence[tuple[str, int]]]
    exact: Mapping[int, str]

    @classmethod
    def of(cls, conditions: Mapping[str, Condition]) -> "Line":
        bounds = sorted({bound for one in conditions.values() for _, bound in one.bounds})
        place = {bound: 2 * index + 1 for index, bound in enumerate(bounds)}
        ranges, exact = {}, {}
        for name, condition in conditions.items():
            if len(condition.bounds) == 1 and condition.bounds[0][0] == "==":
                exact[place[condition.bounds[0][1]]] = name
            elif condition.bounds:
                ranges[name] = [(sign, place[bound]) for sign, bound in condition.bounds]
        return cls(bounds, ranges, exact)

    @property
    def places(self) -> range:
        return range(2 * len(self.bounds) + 1)

    def in_range(self, place: int) -> list[str]:
        """Classes with a range that the place lies in."""
        return [
            name
            for name, rules in self.ranges.items()
            if all(OPERATORS[sign](place, bound) for sign, bound in rules)
        ]

    def holding(self, place: int) -> list[str]:
        return self.in_range(place) + ([self.exact[place]] if place in self.exact else [])

    def words(self, place: int) -> str:
        """`0.5`, or `numbers between 0.5 and 0.6`."""
        if place % 2:
            return str(self.bounds[place // 2])
        if place == 0:
            return f"numbers below {self.bounds[0]}"
        if place == 2 * len(self.bounds):
            return f"numbers above {self.bounds[-1]}"
        return f"numbers between {self.bounds[place // 2 - 1]} and {self.bounds[place // 2]}"

    def holds_whole_numbers(self, place: int) -> bool:
        """Of a place between two whole bounds, or of one that is a bound."""
        return place % 2 == 1 or float(self.bounds[place // 2]) - float(self.bounds[place // 2 - 1]) > 1


def _check_apart(conditions: Mapping[str, Condition]) -> None:
    """ValueError where a number, or a text that is one, belongs to two classes, or a class can hold no number."""
    line = Line.of(conditions)
    held: set[str] = set()
    for place in line.places:
        names = line.holding(place)
        held.update(names)
        if len(names) > 1:
            raise _overlap(names[0], names[1], conditions, line.words(place))
    for name, condition in conditions.items():
        if condition.bounds and name not in held:
            raise ValueError(f"classes.{name}: no number satisfies {condition.value!r}")
        text = "" if condition.bounds else condition.value
        if number(text) is not None:
            for other, one in conditions.items():
                if one.bounds and one.holds(text):
                    raise _overlap(other, name, conditions, text)


def gaps(classes: Mapping[str, str | float]) -> list[str]:
    """A sentence where numbers between two ranges belong to no class.

    Between single numbers none are expected, nor outside all bounds; nor numbers with decimals where all bounds are
    whole.
    """
    line = Line.of({name: read_condition(value) for name, value in classes.items()})
    whole = all(bound == bound.to_integral_value() for bound in line.bounds)
    within = [place for place in line.places if line.in_range(place)]
    free = [
        place
        for place in range(min(within, default=0), max(within, default=0))
        if not line.holding(place) and (not whole or line.holds_whole_numbers(place))
    ]
    if not free:
        return []
    return [
        f"data.labels.classes leaves a gap: no class takes {' and '.join(map(line.words, free[:3]))}. Such a label is "
        "refused; if it can occur, change the bounds."
    ]


def _overlap(one: str, other: str, conditions: Mapping[str, Condition], what: str) -> ValueError:
    return ValueError(
        f"classes.{one} ({conditions[one].value!r}) and classes.{other} ({conditions[other].value!r}) overlap: {what} "
        "would belong to both; make them exclude each other"
    )
