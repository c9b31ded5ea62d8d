"""Writes docs/params.md from the typed parameters: `python docs/params.py`."""

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from components.params import plugins
from components.params.base import Section, keys_of
from components.params.choosing import Named
from components.params.tree import Params
from components.params.written_out import WRITTEN_OUT

TARGET = Path(__file__).parent / "params.md"
HEAD = f"""# params.yaml

Written by `python docs/params.py` from `components/params/`; a test compares. Unknown keys are refused.
`python -m components check` lists every mistake at once. A key that is left out takes its default. A section that a
stage depends on must stand there, if only as `select: {{}}`, and so must what chooses code:
{", ".join(f"`{key}`" for key in WRITTEN_OUT)}.
`check` names what is missing. `data` and `gate` have no defaults.
"""


def page() -> str:
    """The whole of params.md."""
    parts = [HEAD, "| top level | type | default |\n|---|---|---|"]
    plain = {n: f for n, f in Params.model_fields.items() if section(f) is None}
    parts += [row(name, field) for name, field in plain.items()]
    for name, field in Params.model_fields.items():
        found = section(field)
        if found is not None:
            parts += block(name, found)
        if name == "task":
            parts += of_plugins()
    return "\n".join(parts) + "\n"


def block(name: str, found: type[Section]) -> Iterator[str]:
    """A section, then the sections within it."""
    yield f"\n## {name}\n\n{words(found)}| key | type | default |\n|---|---|---|"
    nested = []
    for key, field in keys_of(found).items():
        inner = section(field)
        if inner is None:
            yield row(key, field)
        else:
            nested.append((f"{name}.{key}", inner))
            yield f"| `{key}` | see [{name}.{key}](#{anchor(f'{name}.{key}')}) | |"
    for inner_name, inner in nested:
        yield from block(inner_name, inner)


def of_plugins() -> Iterator[str]:
    """The keys that each modality and problem of ours adds to section `task`."""
    for room, kind in (("modalities", "modality"), ("problems", "problem")):
        for name in import_module(f"components.{room}").NAMES:
            options = plugins.options(room, name)
            if keys_of(options):
                yield from block(f"task, for {kind} {name}", options)


def anchor(title: str) -> str:
    return title.replace(".", "")


def words(found: type[Section]) -> str:
    """The docstring, its `Attributes:` as a list."""
    text = found.__doc__ or ""
    if not text or text.startswith("What all sections"):
        return ""
    lead, _, attributes = text.partition("Attributes:")
    items = re.sub(r"\n {12,}", " ", attributes).strip()
    listed = "".join(
        f"- `{line.strip().replace(':', '`:', 1)}\n" for line in items.splitlines() if line.strip()
    )
    return f"{' '.join(lead.split())}\n\n".lstrip("\n") + f"{listed}{chr(10) if listed else ''}"


def row(name: str, field: FieldInfo) -> str:
    default = (
        "required" if field.default is PydanticUndefined and field.default_factory is None else shown(field)
    )
    return f"| `{name}` | {kind(field)} | {default} |"


def shown(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True)
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return (
        "none"
        if value is None or value in ((), {})
        else f"`{list(value) if isinstance(value, tuple) else value}`"
    )


def kind(field: FieldInfo) -> str:
    """Type and bounds, as people say them; of what chooses a plug-in, our own."""
    for rule in field.metadata:
        if isinstance(rule, Named):
            own = (name for name in rule.allowed if name not in plugins.foreign(rule.room))
            return " \\| ".join(f"`{name}`" for name in own)
    options = members(field.annotation)
    if len(options) > 1 and any(get_origin(option) is dict for option in options):
        one = "list" if "tuple[" in str(options[0]) else "text"
        return f"{one} or map of text to {one}, optional"
    text = re.sub(r"\b\w+\.", "", str(field.annotation).replace("<class '", "").replace("'>", ""))
    if text.startswith("dict["):
        return mapping(text)
    choices = re.search(r"Literal\[(.*?)\]", text)
    if choices:
        text = " \\| ".join(f"`{choice}`" for choice in re.findall(r"'([^']*)'", choices[1]))
        text = f"list of {text}" if "tuple[" in str(field.annotation) else text
    elif text.startswith("tuple[") or "Annotated" in text:
        text = "list" if text.startswith("tuple[") else ("text" if "str" in text else "number")
    names = {"str": "text", "bool": "true or false", "int": "whole number", "float": "number"}
    text = re.sub(
        r"\b(str|bool|int|float)\b", lambda found: names[found[1]], text.replace(" | None", ", optional")
    )
    bounds = [f"{sign} {value}" for sign, value in limits(field)]
    return ", ".join([text.replace(" | ", " or "), *bounds])


def members(annotation: object) -> list[object]:
    """Of a union, without null."""
    return [one for one in get_args(annotation) if one is not type(None)]


def mapping(text: str) -> str:
    """`dict[str, Annotated[float, …]]` → map of text to number."""
    keys, values = ("a metric" if "Literal" in text else "text"), ("text or " if "str |" in text else "")
    return f"map of {keys} to {values}number"


def limits(field: FieldInfo) -> Iterator[tuple[str, object]]:
    for rule in field.metadata:
        for key, sign in (("ge", "≥"), ("gt", ">"), ("le", "≤"), ("lt", "<")):
            if getattr(rule, key, None) is not None:
                yield sign, getattr(rule, key)


def section(field: FieldInfo) -> type[Section] | None:
    """The section that the field holds, or holds a list of."""
    for candidate in (field.annotation, *get_args(field.annotation)):
        if isinstance(candidate, type) and issubclass(candidate, Section):
            return candidate
    return None


if __name__ == "__main__":
    TARGET.write_text(page(), encoding="utf-8")
