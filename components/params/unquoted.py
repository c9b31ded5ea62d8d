"""Texts that YAML reads as something else, because they were not in quotes: no, 010, 12:30, 2024-01-31."""

import re
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import yaml
from pydantic import BaseModel

from components.params.base import keys_of
from components.params.choosing import Named
from components.params.conditions import turned
from components.params.wording import members, written

Location = tuple[str | int, ...]
# Numbers that read as what they look like: YAML 1.1 takes 010 for 8 and 12:30 for 750.
PLAIN = re.compile(r"[-+]?(0|[1-9][0-9]*)?(\.[0-9]*)?([eE][-+]?[0-9]+)?")
# Where a word is asked for that may be `null` itself, YAML's null would silently mean that there is none.
CLASSES = ("data", "labels", "classes")
WORDS = {("data", "labels", "unlabelled")}
TAG = "tag:yaml.org,2002:"
TYPES: Mapping[str, type] = {"bool": bool, "int": int, "float": float, "null": types.NoneType}


@dataclass(frozen=True)
class Scalar:
    """Attributes:
    at: keys and places in lists.
    written: as it stands in the file.
    tag: what YAML reads it as, `bool` for instance.
    is_key: of a mapping, which `at` names.
    """

    at: Location
    written: str
    tag: str
    is_key: bool = False


def unquoted(node: yaml.Node, at: Location = ()) -> Iterator[Scalar]:
    """All scalars that are no text to YAML."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            tag = key.tag.removeprefix(TAG)
            if isinstance(key, yaml.ScalarNode) and tag not in ("str", "merge"):
                yield Scalar(at, key.value, tag, is_key=True)
            yield from unquoted(value, (*at, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for place, value in enumerate(node.value):
            yield from unquoted(value, (*at, place))
    elif node.tag != f"{TAG}str":
        yield Scalar(at, node.value, node.tag.removeprefix(TAG))


def misread(
    node: yaml.Node,
    values: object,
    model: type[BaseModel],
    further: Mapping[str, Sequence[type[BaseModel]]] = MappingProxyType({}),
) -> dict[Location, str]:
    """What to say of each scalar for which `model` wants a text; `values` are what YAML made of them.

    Args:
        further: section → models of the keys that plug-ins add to it.
    """
    messages: dict[Location, str] = {}
    swapped = _swapped(values)
    for scalar in unquoted(node):
        if swapped and scalar.at[: len(CLASSES)] == CLASSES:
            place = (*scalar.at, scalar.written) if scalar.is_key else scalar.at
            messages[place] = f"data.labels.classes: the class name first, then the value: {swapped}"
            continue
        named = written(scalar.at) or "the file"
        quoted = f'write it in quotes: "{scalar.written}"'
        if scalar.is_key:
            messages[(*scalar.at, scalar.written)] = (
                f"{named}: YAML reads the key {scalar.written} as {_kind(scalar)}; {quoted}"
            )
        elif scalar.at in WORDS and scalar.tag == "null":
            messages[scalar.at] = (
                f"{named}: YAML reads {scalar.written or 'the empty value'} as nothing; {quoted}, or leave the key out"
            )
        elif _is_misread(scalar, _admitted(model, further, scalar.at)):
            value = _at(values, scalar.at)
            number = f"the number {value}" if type(value) in (int, float) else _kind(scalar)
            messages[scalar.at] = (
                f"{named}: YAML reads {scalar.written or 'the empty value'} as {number}; {quoted}"
            )
    return messages


def _swapped(values: object) -> str:
    """The classes as they are probably meant, where each key is a number and each value a text; nothing otherwise."""
    held = _at(values, CLASSES)
    if not isinstance(held, dict) or not held:
        return ""
    numbers = all(type(key) in (int, float) for key in held)
    texts = all(isinstance(text, str) and re.match(r"[^\W\d]", text) for text in held.values())
    return turned({str(key): text for key, text in held.items()}) if numbers and texts else ""


def _admitted(
    model: type[BaseModel], further: Mapping[str, Sequence[type[BaseModel]]], at: Location
) -> set[object]:
    found = admitted(model, at)
    for kind in further.get(str(at[0]), ()) if at else ():
        found |= admitted(kind, at[1:])
    return found


def admitted(annotation: object, at: Location) -> set[object]:
    """The types that may stand at a location below a model; nothing where there is no such place."""
    options = list(members(annotation))
    if not at:
        return set(options)
    for option in options:
        arguments = typing.get_args(option)
        if isinstance(option, type) and issubclass(option, BaseModel) and at[0] in keys_of(option):
            field = keys_of(option)[str(at[0])]
            named = any(
                isinstance(rule, Named) for rule in field.metadata
            )  # in quotes it would be no name, either
            return set() if named else admitted(field.annotation, at[1:])
        if typing.get_origin(option) in (tuple, list) and isinstance(at[0], int):
            return admitted(arguments[0], at[1:])
        if typing.get_origin(option) is dict:
            return admitted(arguments[1], at[1:])
    return set()


def _is_misread(scalar: Scalar, allowed: set[object]) -> bool:
    if str not in allowed:
        return False
    if scalar.tag in ("int", "float") and allowed & {int, float}:
        return not PLAIN.fullmatch(scalar.written)
    return TYPES.get(scalar.tag) not in allowed


def _kind(scalar: Scalar) -> str:
    kinds = {
        "bool": "true or false",
        "timestamp": "a date",
        "null": "nothing",
        "int": "a number",
        "float": "a number",
    }
    return kinds.get(scalar.tag, scalar.tag)


def _at(values: object, at: Location) -> object:
    for part in at:
        if isinstance(values, dict):
            values = values.get(part)
        elif isinstance(values, list) and isinstance(part, int):
            values = values[part]
    return values
