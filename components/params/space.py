"""sweep.yaml: what `python -m flows.sweep` may change in params.yaml, and between which bounds.

A dotted key of params.yaml gets a list of values, or a range: `{low: 1e-4, high: 3e-3, log: true}`; `step` is
allowed, too. A key that holds a list (`head.l2`) takes a single value as a list of one.
"""

import typing
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from components.errors import ParamsError, meant
from components.params import plugins
from components.params.base import EXACT
from components.params.choosing import Choosing
from components.params.load import parse, section_in
from components.params.tree import Params
from components.params.wording import said

SEARCHED = ("tune", "objectives", "weighting", "head", "augment")
REFUSED: Mapping[str, str] = {
    "seed": "the best of several seeds is the luckiest",
    "data": "it says which samples there are, and on which side each one is",
    "domains": "it says what is learned from and what is judged",
    "task": "it shapes the samples, the test side's among them",
    "backbone": "each has artefacts of its own; sweep one at a time",
    "pretrain": "it makes a checkpoint of its own; sweep with one at a time",
    "features": "it changes no result",
    "controls": "they are what the result is compared with",
    "select": "it is the yardstick",
    "export": "it comes after the choice",
    "evaluate": "it says how the test side is judged",
    "gate": "it says what a release must show",
    "runtime": "it changes no result",
    "tracking": "it changes no result",
}
RANGE = {"low", "high", "log", "step"}
DIGITS = 4  # that a drawn number keeps: nobody wants 0.0008234509812 in params.yaml


@dataclass(frozen=True)
class Choices:
    """One of `values`, as they stand in params.yaml."""

    values: tuple[object, ...]

    def holds(self, value: object) -> bool:
        return value in self.values


@dataclass(frozen=True)
class Range:
    """A number between `low` and `high`, both included.

    Attributes:
        whole: only whole numbers.
        listed: params.yaml wants a list here, and gets one of one number.
    """

    low: float
    high: float
    log: bool = False
    step: float | None = None
    whole: bool = False
    listed: bool = False

    def value(self, drawn: float) -> object:
        """A drawn number as it stands in params.yaml."""
        # Rounded it might lie beyond a bound of more digits.
        number = int(drawn) if self.whole else min(max(float(f"{drawn:.{DIGITS}g}"), self.low), self.high)
        return [number] if self.listed else number

    def number(self, value: object) -> float | None:
        """The number whose `value` this is; none where there is none within the bounds."""
        bare = value[0] if self.listed and isinstance(value, list) and len(value) == 1 else value
        if (
            not isinstance(bare, int | float)
            or not self.low <= bare <= self.high
            or self.value(bare) != value
        ):
            return None
        if self.step is not None and round((bare - self.low) / self.step, 9) % 1:
            return None
        return bare


Space = Mapping[str, Choices | Range]


def load_space(path: Path) -> Space:
    """The checked space of `path`; a ParamsError that lists every mistake otherwise."""
    found: dict[str, Choices | Range] = {}
    mistakes: list[str] = []
    for key, given in parse(path).items():
        wrong, entry = _entry(str(key), given)
        mistakes += [f"{key}: {line}" for line in wrong]
        if entry is not None:
            found[str(key)] = entry
    if not found and not mistakes:
        mistakes.append("no key is searched; write for instance `tune.blocks: {low: 2, high: 6}`")
    if mistakes:
        lines = "\n".join(f"  - {line}" for line in mistakes)
        count = f"{len(mistakes)} mistake{'s' if len(mistakes) > 1 else ''}"
        raise ParamsError(f"{path.name} has {count}:\n{lines}\nNothing was run.")
    return found


def described(space: Space) -> dict[str, object]:
    """The space as plain JSON values: equal spaces give equal ones."""
    return {
        key: list(entry.values)
        if isinstance(entry, Choices)
        else {"low": entry.low, "high": entry.high, "log": entry.log, "step": entry.step}
        for key, entry in sorted(space.items())
    }


def size(space: Space) -> int | None:
    """How many combinations there are; none where a number may be any of a range."""
    total = 1
    for entry in space.values():
        if isinstance(entry, Choices):
            total *= len(entry.values)
        elif entry.whole or entry.step is not None:
            total *= int((entry.high - entry.low) / (entry.step or 1) + 1e-9) + 1
        else:
            return None
    return total


def get(values: Mapping[str, object], key: str) -> object:
    """What stands below a dotted key; none where nothing does."""
    found: object = values
    for part in key.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def changed(values: Mapping[str, object], changes: Mapping[str, object]) -> dict[str, object]:
    """A copy of nested `values` with other values below some dotted keys."""
    made = deepcopy(dict(values))
    for key, value in changes.items():
        *sections, name = key.split(".")
        inner: dict[str, object] = made
        for section in sections:
            below = inner.get(section)
            held = dict(below) if isinstance(below, Mapping) else {}
            inner[section] = held
            inner = held
        inner[name] = deepcopy(value)
    return made


def _entry(key: str, given: object) -> tuple[list[str], Choices | Range | None]:
    section = key.split(".")[0]
    if section not in SEARCHED and section in Params.model_fields:
        why = REFUSED.get(section, "no trial depends on it")
        return [f"a trial may not change it: {why}. Allowed sections: {', '.join(SEARCHED)}"], None
    field = _keys().get(key)
    if field is None:
        return [_unknown(key)], None
    wrong = list(_mistakes(field, given))
    if wrong:
        return wrong, None
    if isinstance(given, list):
        return [], Choices(tuple(_as_list(field, value) for value in given))
    assert isinstance(given, Mapping)
    low, high, step = given["low"], given["high"], given.get("step")
    log = given.get("log", False)
    return [], Range(low, high, log, step, _whole(field.annotation), _listed(field))


def _mistakes(field: FieldInfo, given: object) -> Iterator[str]:
    if isinstance(given, list):
        yield from _wrong_choices(field, given)
    elif isinstance(given, dict):
        yield from _wrong_range(field, given)
    else:
        yield f"{given!r} is neither a list of values nor a range `{{low: …, high: …}}`"


def _wrong_choices(field: FieldInfo, given: list[object]) -> Iterator[str]:
    if not given:
        yield "an empty list holds nothing to choose from"
    for place, value in enumerate(given):
        if value in given[:place]:
            yield f"{value!r} is given twice"
        elif said := _fits(field, value):
            yield said


def _wrong_range(field: FieldInfo, given: dict[str, object]) -> Iterator[str]:
    for name in given.keys() - RANGE:
        yield f"unknown {name!r}{meant(str(name), RANGE) or '.'} Allowed: low, high, log, step"
    missing = [name for name in ("low", "high") if name not in given]
    if missing:
        yield f"a range needs {' and '.join(missing)}"
        return
    if not isinstance(given.get("log", False), bool):
        yield f"log is {given['log']!r}; allowed: true, false"
    numbers = {name: given[name] for name in ("low", "high", "step") if given.get(name) is not None}
    odd = [f"{n} is {v!r}, not a number" for n, v in numbers.items() if type(v) not in (int, float)]
    yield from odd
    if not odd:
        yield from _wrong_bounds(field, typing.cast("dict[str, float]", numbers), bool(given.get("log")))


def _wrong_bounds(field: FieldInfo, given: dict[str, float], log: bool) -> Iterator[str]:
    low, high, step = given["low"], given["high"], given.get("step")
    if not low < high:
        yield f"low ({low:g}) must be below high ({high:g})"
    if log and low <= 0:
        yield f"log needs a low above 0, not {low:g}"
    if step is not None and (step <= 0 or log):
        yield f"step {step:g} must be above 0, and has no place beside log"
    if step is not None and _whole(field.annotation) and not isinstance(step, int):
        yield f"step {step:g} must be a whole number, as the key is"
    for bound in (low, high):
        if said := _fits(field, bound):
            yield said


def _fits(field: FieldInfo, value: object) -> str | None:
    """What is wrong with a value of that key; none where nothing is."""
    try:
        kind = typing.cast("type[object]", typing.Annotated[field.annotation, field, EXACT])
        TypeAdapter(kind).validate_python(_as_list(field, value))
    except ValidationError as error:
        return said(error.errors(include_url=False)[0])
    return None


def _listed(field: FieldInfo) -> bool:
    return typing.get_origin(field.annotation) is tuple


def _whole(annotation: object) -> bool:
    return annotation is int or any(_whole(part) for part in typing.get_args(annotation))


def _as_list(field: FieldInfo, value: object) -> object:
    return [value] if _listed(field) and not isinstance(value, list) else value


def _keys() -> dict[str, FieldInfo]:
    """Dotted key → field, of the sections that are searched."""
    return {key: field for name in SEARCHED for key, field in _below(name, Params.model_fields[name])}


def _below(name: str, field: FieldInfo) -> Iterator[tuple[str, FieldInfo]]:
    model = section_in(field.annotation)
    if model is None:
        yield name, field
        return
    for key, inner in model.model_fields.items():
        yield from _below(f"{name}.{key}", inner)
    # A trial that does not choose the plug-in that a key is of is impossible, and said to be.
    for _, room in model.choices() if issubclass(model, Choosing) else ():
        for plugin in plugins.foreign(room):
            for key, inner in plugins.options(room, plugin).model_fields.items():
                yield from _below(f"{name}.{key}", inner)


def _unknown(key: str) -> str:
    known = _keys()
    below = [name for name in known if name.startswith(f"{key}.")]
    if below:
        return f"is a section; name one of its keys: {', '.join(below)}"
    ends = [name for name in known if name.split(".")[-1] == key]
    hint = f"; did you mean {ends[0]!r}?" if ends else meant(key, known)
    return f"unknown key{hint or ', which must be a dotted key of params.yaml'}"
