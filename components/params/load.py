"""Reading params.yaml: all mistakes at once, each with its value, what is allowed, and the nearest name."""

import codecs
import contextlib
import re
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import yaml
from pydantic import BaseModel, ValidationError

from components.errors import ParamsError
from components.params import plugins, wording
from components.params.backbone import BackboneParams
from components.params.base import Section
from components.params.choosing import Choosing
from components.params.combinations import OF_ALL_KEYS, Check, combinations
from components.params.data import FORMATS
from components.params.metrics import unknown_metrics
from components.params.operation import OperationParams
from components.params.paths import missing
from components.params.task import TaskParams
from components.params.tree import Params
from components.params.unquoted import Location, misread
from components.params.wording import Item
from components.params.written_out import unwritten

MAX_BYTES = 256 * 1024
# Keys that older files hold → how the same is said today.
REPLACED = {
    "controls.scratch.seconds": "a budget in epochs gives equal bytes on a fast and on a slow machine; write "
    "`controls: {scratch: {epochs: 3}}`",
    "evaluate.resamples": "intervals need no resamples any more; write `evaluate: {confidence: 0.95}`",
}


ALWAYS = (
    "this comparison is always on, because a release that is no better than a control shows negative transfer; leave "
    "it out, or ask for more: {margin: 0.01} (docs/gates.md)"
)


class _Loader(yaml.SafeLoader):
    """Plain YAML only: an alias is refused, because 258 bytes of them can unfold to gigabytes."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.events.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise ParamsError(
                f"line {mark.line + 1}: YAML aliases (*name) are not allowed.", "Write the value out."
            )
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[typing.Hashable, object]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise ParamsError(f"line {key.start_mark.line + 1}: {key.value!r} is given twice.")
            seen.add(key.value)
        return super().construct_mapping(node, deep)


# YAML 1.1 reads 1e-3 as a string; people mean a number.
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?[0-9][0-9_]*(\.[0-9_]*)?[eE][-+]?[0-9]+$"),
    list("-+0123456789"),
)


def load_params(path: Path) -> Params:
    """The checked tree of `path`; a ParamsError that lists every mistake otherwise."""
    node, values = _parsed(path)
    return check(values, path.name, path.parent, misread(node, values, Params, further_keys(values)))


def load_operation(path: Path) -> OperationParams:
    """Sections `runtime` and `tracking` alone; what other sections name need not be installed."""
    _, values = _parsed(path)
    try:
        return OperationParams.model_validate(values)
    except ValidationError as error:
        raise _refusal(path.name, wording.explain(error, OperationParams)) from None


def load_backbone(path: Path, root: Path) -> BackboneParams:
    """Section `backbone` of another YAML file, written as in params.yaml of the workspace `root`; or a ParamsError."""
    if not path.is_file():
        raise ParamsError(
            f"{path} is no file.", "Name a YAML file with a section `backbone`, as params.yaml has it."
        )
    node, values = _parsed(path)
    section = values.get("backbone")
    if not isinstance(section, dict):
        raise ParamsError(f"{path} has no section `backbone` with keys, as params.yaml has it.")
    unquoted = {at: said for at, said in misread(node, values, Params).items() if at[0] == "backbone"}
    mistakes = [*unquoted.values(), *missing({"backbone": section}, root)]
    try:
        found = BackboneParams.model_validate(section)
    except ValidationError as error:
        items = [
            {**item, "loc": ("backbone", *item["loc"])}
            for item in wording.mistakes(error.errors(include_url=False), BackboneParams)
        ]
        mistakes = [_explain(item) for item in items if not _is_known(item, unquoted)] + mistakes
    if mistakes:
        raise _refusal(str(path), mistakes)
    return found


def check(
    values: dict[str, object],
    name: str = "params.yaml",
    root: Path | None = None,
    unquoted: Mapping[Location, str] = MappingProxyType({}),
) -> Params:
    """The checked tree. With `root`, the workspace, the files that params name must exist, too.

    `unquoted`: what is already known to be wrong, and where: texts that YAML reads as something else.
    """
    mistakes: list[str] = []
    try:
        found = Params.model_validate(values if root is None else _with_layout(values))
    except ValidationError as error:
        errors = wording.mistakes(error.errors(include_url=False), Params)
        own = [item for item in errors if not _follows(item, errors) and not _is_known(item, unquoted)]
        mistakes += map(_explain, own)
    mistakes += dict.fromkeys(unquoted.values())
    mistakes += [] if root is None else unwritten(values) + missing(values, root)
    mistakes += _combinations(values if root is None else _with_layout(values))
    if mistakes:
        raise _refusal(name, mistakes)
    return found


def _refusal(name: str, mistakes: Sequence[str]) -> ParamsError:
    lines = "\n".join(f"  - {line}" for line in mistakes)
    count = f"{len(mistakes)} mistake{'s' if len(mistakes) > 1 else ''}"
    return ParamsError(f"{name} has {count}:\n{lines}\nNothing was run.")


def _combinations(values: Mapping[str, object]) -> list[str]:
    """Impossible combinations of those sections that are right by themselves."""
    valid: dict[str, Section] = {}
    skipped: tuple[Check, ...] = ()
    for name, field in Params.model_fields.items():
        kind = section_in(field.annotation)
        if kind is None or not issubclass(kind, Section):
            continue
        with contextlib.suppress(ValidationError):
            valid[name] = kind.model_validate(values.get(name, {}))
    if "task" not in valid:
        valid, skipped = valid | _named_task(values), OF_ALL_KEYS
    hidden = unknown_metrics(valid["task"], values, valid) if "task" in valid else []
    return combinations(valid, skipped) + hidden


def further_keys(values: Mapping[str, object]) -> dict[str, tuple[type[Section], ...]]:
    """Section → models of the keys that the plug-ins which it names add to it; of wrong names nothing."""
    found = {}
    for name, field in Params.model_fields.items():
        kind, section = section_in(field.annotation), values.get(name, {})
        if kind is not None and issubclass(kind, Choosing):
            with contextlib.suppress(ValueError):
                plain = kind.plain(section)
                found[name] = kind.kinds(plain) if isinstance(plain, dict) else ()
    return found


def _with_layout(values: Mapping[str, object]) -> dict[str, object]:
    """Where data.layout is missing, which `unwritten` says, with one that has columns: its default has none."""
    data = values.get("data")
    if not isinstance(data, dict) or "layout" in data:
        return dict(values)
    fit = next(name for name in plugins.names(FORMATS) if plugins.offers(FORMATS, name, "columns"))
    return {**values, "data": {**data, "layout": fit}}


def _named_task(values: Mapping[str, object]) -> dict[str, TaskParams]:
    """Section `task` without the keys that are wrong, so that what depends on its problem is looked at, too.

    A name with a slip in it counts as the one that is probably meant.
    """
    with contextlib.suppress(ValueError):
        plain = TaskParams.plain(values.get("task", {}))
        if isinstance(plain, dict):
            return {"task": TaskParams.model_validate(TaskParams.named(plain))}
    return {}


def _follows(item: Item, errors: Sequence[Item]) -> bool:
    """Too short only because what was in it is wrong."""
    at = item["loc"]
    return item["type"] == "too_short" and any(
        other["loc"][: len(at)] == at != other["loc"] for other in errors
    )


def _is_known(item: Item, unquoted: Mapping[Location, str]) -> bool:
    """Whether something at, or above, its place was not quoted; `[key]` is pydantic's own name of a key."""
    location = item["loc"]
    keys = wording.KEY in location and any(location[: len(at) - 1] == at[:-1] for at in unquoted)
    return keys or any(location[: len(at)] == at for at in unquoted)


def parse(path: Path) -> dict[str, object]:
    return _parsed(path)[1]


def _parsed(path: Path) -> tuple[yaml.Node, dict[str, object]]:
    """What stands there, and what YAML makes of it."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ParamsError(f"{path} has more than {MAX_BYTES} bytes.")
        loader = _Loader(_text(path))
        node = loader.get_single_node()
        values = None if node is None else loader.construct_document(node)
    except FileNotFoundError:
        raise ParamsError(f"{path} does not exist.", "Run in the repository's root.") from None
    # Beside its own errors, PyYAML lets through what int(), date() and hash() say about nonsense.
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise ParamsError(f"{path} is not YAML: {error}{_advice(str(error))}") from None
    if node is None or values is None:
        raise ParamsError(f"{path} is empty.", "Write its sections; docs/params.md explains every key.")
    if not isinstance(values, dict):
        held = "a list" if isinstance(values, list) else f"only {str(values)[:60]!r}"
        raise ParamsError(
            f"{path} holds {held}, not sections with keys.",
            "Write `data:`, `task:` and so on; see docs/params.md.",
        )
    return node, values


def _advice(said: str) -> str:
    if "unknown escape character" in said or "escape sequence" in said:
        # On a line of its own, behind the one that shows the place.
        return "\nWithin double quotes \\ begins an escape sequence: separate folders by /, or use single quotes."
    return ""


def _text(path: Path) -> str:
    data = path.read_bytes()
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            said, encoding = "it is UTF-16", "UTF-16"
        else:
            line = data.count(b"\n", 0, error.start) + 1
            near = data.splitlines()[line - 1].strip()[:60].decode("cp1252", "replace")
            said, encoding = f"line {line}, read as Windows-1252, says {near!r}", "CP1252"
        raise ParamsError(
            f"{path} is not UTF-8: {said}.", f"Save it as UTF-8: iconv -f {encoding} -t UTF-8 OLD > NEW"
        ) from None


def _explain(item: Item) -> str:
    where = ".".join(map(str, item["loc"]))
    if item["type"] == "extra_forbidden" and where in REPLACED:
        return f"{where}: no longer a key: {REPLACED[where]}"
    if where == "gate.better_than_controls" and item["input"] in (
        None,
        False,
        "off",
        "none",
        "false",
        "null",
    ):
        return f"{where}: {ALWAYS}"
    return wording.sentence(item)


def section_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if typing.get_origin(annotation) in (typing.Union, types.UnionType, tuple, list, dict):
        return next((m for a in typing.get_args(annotation) if (m := section_in(a))), None)
    return None
