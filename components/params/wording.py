"""What is wrong with a value, in our words: pydantic's own ("Input should be …") reach no user."""

import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from components.errors import meant
from components.params.base import keys_of
from components.params.conditions import number as decimal

TRACKED = False  # texts

Item = Mapping[str, Any]  # as pydantic types the details of an error
Place = tuple[str | int, ...]

KEY = "[key]"  # behind a key, where the key itself is wrong

# Error types that say only of what kind a value must be, and that kind.
KINDS: Mapping[str, str] = {
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "dict_type": "keys with values",
    "float_parsing": "a number",
    "float_type": "a number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number",
    "int_type": "a whole number",
    "list_type": "a list",
    "none_required": "null",
    "string_type": "a text",
    "tuple_type": "a list",
}
WORDS: Mapping[str, str] = {  # what YAML 1.1 reads as true or false where it has no quotes
    **dict.fromkeys(("true", "yes", "on", "y", "1"), "true"),
    **dict.fromkeys(("false", "no", "off", "n", "0"), "false"),
}
# Pattern of a text → what it allows.
PATTERNS: Mapping[str, str] = {
    r"^[0-9a-f]{64}$": "a SHA-256 digest, 64 characters of 0 to 9 and a to f, as sha256sum prints it",
    r"^[^=]+=[^=]+$": "`column=value`, with one =",
    r"^(sqlite|sqlite:///.+|https?://.+|postgresql.*://.+)$": "`sqlite`, or an address that begins with sqlite:///, "
    "https://, http:// or postgresql://",
    r"^[A-Za-z0-9._-]+$": "letters a to z, digits, dots, - and _, without spaces",
    r"^[A-Za-z0-9@][A-Za-z0-9@^~{}._/+-]*$": "a branch, a tag or a commit of git: letters a to z, digits and "
    "@ ^ ~ { } . _ / + -, with a letter, a digit or @ first",
    r"^[A-Za-z0-9][A-Za-z0-9._/-]*$": "the name of a git remote: letters a to z, digits and . _ / -, with a letter or "
    "a digit first",
    r"^[A-Z][A-Z0-9_]*$": "the name of an environment variable: capital letters, digits and _, with a letter first",
    r"^[a-z0-9-]+/[a-z0-9-]+$": "`type/name` of a Prefect block: small letters, digits and -",
}
# Error type → the bound, with the key under which pydantic tells it.
BOUNDS: Mapping[str, tuple[str, str]] = {
    "greater_than": ("gt", "is too small; allowed: more than {}"),
    "greater_than_equal": ("ge", "is too small; allowed: {} or more"),
    "less_than": ("lt", "is too large; allowed: less than {}"),
    "less_than_equal": ("le", "is too large; allowed: {} or less"),
    "multiple_of": ("multiple_of", "is not allowed; allowed: multiples of {}"),
    "string_pattern_mismatch": ("pattern", "is not allowed; allowed: {}"),
    "string_too_long": ("max_length", "is too long; allowed: {} or fewer characters"),
    "string_too_short": ("min_length", "is too short; allowed: {} or more characters"),
    "too_long": ("max_length", "holds too much; allowed: {} or fewer values"),
    "too_short": ("min_length", "holds too little; allowed: {} or more values"),
}


def explain(error: ValidationError, model: type[BaseModel], below: Place = ()) -> list[str]:
    """A line for each mistake: its place, the value, what is allowed.

    Args:
        model: what was validated.
        below: where that lies in the file.
    """
    return [sentence(item, below) for item in mistakes(error.errors(include_url=False), model)]


def mistakes(items: Sequence[Item], model: type[BaseModel]) -> list[Item]:
    """One item for each place: of a value that fits no member of a union, pydantic tells one for each member.

    That of an unknown key names those that are `allowed` at its place.
    """
    found: dict[Place, list[Item]] = {}
    for item in items:
        found.setdefault(place(model, item), []).append(item)
    return [
        _with_allowed(_one(at, those), model)
        for at, those in found.items()
        # A list with a wrong value in it is no wrong text.
        if _of_itself(those) or not any(other[: len(at)] == at != other for other in found)
    ]


def _of_itself(items: Sequence[Item]) -> bool:
    """Whether it is wrong, not only no other kind of value than the one that holds something wrong."""
    return len(items) == 1 and items[0]["type"] not in KINDS


def _one(at: Place, items: Sequence[Item]) -> Item:
    first = items[0]
    if len(items) == 1:
        return {**first, "loc": at}
    shaped = [item for item in items if item["type"] not in KINDS]
    if shaped:
        return {**shaped[0], "loc": at}
    kinds = dict.fromkeys(KINDS[item["type"]] for item in items)
    said = ValueError(f"{first['input']!r} is not allowed; allowed: {' or '.join(kinds)}")
    return {**first, "loc": at, "type": "value_error", "ctx": {"error": said}}


def _with_allowed(item: Item, model: type[BaseModel]) -> Item:
    about = item.get("ctx", {})
    # `choosing` has told the keys of plug-ins already.
    if item["type"] == "extra_forbidden" and "allowed" not in about:
        known = {key for section in _at(model, item["loc"][:-1]) for key in keys_of(section)}
        return {**item, "ctx": {**about, "allowed": sorted(known)}}
    if item["type"] in ("model_type", "model_attributes_type"):
        return {**item, "ctx": {**about, "chosen_by": _chosen_by(_at(model, item["loc"]))}}
    return item


def _at(model: type[BaseModel], at: Place) -> list[type[BaseModel]]:
    """The sections that may stand at a place below `model`."""
    options: list[object] = [model]
    for part in at:
        options = list(_below(options, part))
    return list(_sections(options))


def _chosen_by(sections: Sequence[type[BaseModel]]) -> str | None:
    """The key that chooses a plug-in by its name, where a section has one (see `choosing.Named`)."""
    for section in sections:
        for key, field in keys_of(section).items():
            if any(hasattr(rule, "room") for rule in field.metadata):
                return key
    return None


def sentence(item: Item, below: Place = ()) -> str:
    """`place: what is wrong with it`."""
    at, text = (*below, *item["loc"]), said(item)
    if at[-1:] == (KEY,):
        at, text = at[:-2], f"the key {text}"
    where = written(at)
    return text if not where or text.startswith(f"{where}.") else f"{where}: {text}"


def written(at: Place) -> str:
    """`gate.rules, entry 1, metric` of ("gate", "rules", 0, "metric"): people count from 1."""
    text = ""
    for before, part in zip(("", *at), at, strict=False):
        if isinstance(part, int):
            text += f"{', ' if text else ''}entry {part + 1}"
        else:
            text += f"{', ' if isinstance(before, int) else '.' if text else ''}{part}"
    return text


def said(item: Item) -> str:
    """What is wrong, without the place."""
    value, kind, about = item.get("input"), str(item["type"]), item.get("ctx", {})
    if kind in BOUNDS:
        key, words = BOUNDS[kind]
        bound = str(about[key])
        if key == "pattern":
            bound = PATTERNS.get(bound, f"what matches {bound}")
        return f"{_short(value)} {words.format(bound)}"
    match kind:
        case "missing":
            return "missing; it has no default"
        case "extra_forbidden":
            known = about["allowed"]
            return f"unknown key{meant(str(item['loc'][-1]), known) or '.'} Allowed: {', '.join(known)}"
        case "literal_error":
            allowed = str(about["expected"]).replace("'", "")
            hint = meant(str(value), allowed.replace(" or ", ", ").split(", ")) or "."
            return f"{_short(value)} is not allowed{hint} Allowed: {allowed}{about.get('otherwise', '')}"
        case "model_type" | "model_attributes_type" if isinstance(value, str) and about.get("chosen_by"):
            return f"{_short(value)} is no section with keys; write {{{about['chosen_by']}: {value}}}"
        case "model_type" | "model_attributes_type" if value is None:
            return "empty; write its keys below it, or {} for its defaults"
        case "model_type" | "model_attributes_type":
            return f"{_short(value)} is no section with keys; write {{}} for its defaults"
        case "dict_type" if isinstance(value, list) and value and all(isinstance(one, str) for one in value):
            return f"{_short(value)} is a list; write keys with values: {{{', '.join(f'{one}: …' for one in value)}}}"
        case "string_type":
            return f"{_short(value)} is no text; write it in quotes"
        case "list_type" | "tuple_type":
            return f"{_short(value)} is no list; write it in brackets: [one, other]"
        case "finite_number":
            return f"{_short(value)} is not finite"
        case "value_error" | "assertion_error":
            return str(about["error"])
        case _ if kind in KINDS:
            return f"{_short(value)} is not {KINDS[kind]}{_unquoted(value, KINDS[kind])}"
        case _:
            return f"{_short(value)} is not allowed"


def place(model: type[BaseModel], item: Item) -> Place:
    """Keys and places in lists, without the members of unions that pydantic names between them."""
    at: list[str | int] = []
    options: list[object] = [model]
    location, tagged = item["loc"], False
    for number, part in enumerate(location):
        # Of a value that may be a mapping or something else, pydantic names the member where a key would stand.
        member = tagged and isinstance(part, str)
        below, tagged = [] if member else list(_below(options, part)), False
        if not below and _takes_further_keys(options):
            return (*at, *location[number:])  # a plug-in's key: `choosing` has told its place already
        unknown = item["type"] == "extra_forbidden" and number == len(location) - 1
        if below or unknown or part == KEY or not number:
            at.append(part)
            options, tagged = below, _may_be_mapping(below)
    return tuple(at)


def _may_be_mapping(options: Sequence[object]) -> bool:
    """Or something else, which is not null."""
    kinds = [typing.get_origin(one) or one for one in options if one is not types.NoneType]
    return dict in kinds and len(kinds) > 1


def _takes_further_keys(options: Sequence[object]) -> bool:
    return any(section.model_config.get("extra") == "allow" for section in _sections(options))


def _sections(options: Sequence[object]) -> Iterator[type[BaseModel]]:
    yield from (one for one in options if isinstance(one, type) and issubclass(one, BaseModel))


def _below(options: Sequence[object], part: str | int) -> Iterator[object]:
    for option in options:
        arguments = typing.get_args(option)
        if isinstance(option, type) and issubclass(option, BaseModel):
            if (field := keys_of(option).get(str(part))) is not None:
                yield from members(field.annotation)
        elif typing.get_origin(option) in (tuple, list) and isinstance(part, int):
            each = arguments[0] if Ellipsis in arguments or len(arguments) <= part else arguments[part]
            yield from members(each)
        elif typing.get_origin(option) is dict and isinstance(part, str):
            yield from members(arguments[1])


def members(annotation: object) -> Iterator[object]:
    """The members of a union, without what is annotated to them."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        yield from members(typing.get_args(annotation)[0])
    elif origin in (typing.Union, types.UnionType):
        for member in typing.get_args(annotation):
            yield from members(member)
    else:
        yield annotation


def _unquoted(value: object, kind: str) -> str:
    """What to write instead of a text where something else is wanted."""
    if not isinstance(value, str):
        return ""
    text = value.strip()
    if kind == "true or false" and text.casefold() in WORDS:
        return f"; write {WORDS[text.casefold()]}, without quotes"
    if kind in ("a number", "a whole number"):
        if decimal(text) is not None:
            return f"; write {text}, without quotes"
        if decimal(text.replace(",", ".", 1)) is not None:
            return f"; a decimal point is written as in {text.replace(',', '.', 1)}"
    return ""


def _short(value: object) -> str:
    """As YAML has it: `null`, `true`."""
    text = "null" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= 200 else f"{text[:200]}…"
