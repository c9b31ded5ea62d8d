"""dvc.yaml and versions.json from the table of stages; grimp finds what each stage imports."""

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import yaml

from components.params import Params
from components.params.base import Section
from components.params.plugins import package
from components.stages.execute import installed_version
from components.stages.packages import PACKAGES, Names, digests, named, other, packages
from components.stages.table import STAGES, Plugin, Stage

if TYPE_CHECKING:
    from grimp import ImportGraph

HEADER = "# Written by `python -m components graph --write` from components/stages/table.py. Do not edit.\n"

ROOMS = sorted({plugin.room for row in STAGES for plugin in row.plugins})
# A module says so where none of its changes can change the bytes that a stage writes.
UNTRACKED = re.compile(r"^TRACKED = False\b", re.MULTILINE)

NOTHING: Mapping[str, object] = MappingProxyType({})


def dvc_yaml(values: Mapping[str, object] = NOTHING) -> str:
    """The text of dvc.yaml, for the plug-ins that `values`, params.yaml as it is written, choose."""
    document = {
        "stages": {row.name: _entry(row, named(values)) for row in STAGES},
        "metrics": [path for row in STAGES for path in row.metrics],
        "plots": [{path: {"x": x, "y": y}} for row in STAGES for path, x, y in row.plots],
    }
    return HEADER + yaml.safe_dump(document, sort_keys=False, width=110)


def versions_json(values: Mapping[str, object] = NOTHING) -> str:
    """Installed versions of everything that shapes bytes, as the stages' parameters; and the digests of packages that
    `values`, params.yaml as it is written, choose plug-ins of."""
    names = sorted({name for row in STAGES for name in row.versions})
    versions: dict[str, object] = {name: installed_version(name) for name in names}
    if chosen := digests(STAGES, named(values)):
        versions[PACKAGES] = chosen
    return json.dumps(versions, indent=2) + "\n"


def closure(row: Stage) -> set[str]:
    """Names of the modules that can change what `row` writes: its import closure, less the harmless ones."""
    import grimp

    found = grimp.build_graph("components", exclude_type_checking_imports=True, cache_dir=None)
    start = f"components.stages.{row.name}"
    modules = found.find_upstream_modules(start) | {start}
    plain = {m for m in modules if tracked(m)}
    sections = {module for name in row.params if (module := _section(name))}
    return {m for m in plain | _shared(found, row.plugins) if not _is_plugin(m)} | sections


@cache
def tracked(module: str) -> bool:
    """Whether a change of the module can change what a stage writes. The values that a stage sees are tracked as
    parameters, so of `components.params` only the modules of its sections count."""
    if module.startswith("components.params."):
        return False
    spec = find_spec(module)
    return not (spec and spec.origin and UNTRACKED.search(Path(spec.origin).read_text(encoding="utf-8")))


def _section(name: str) -> str | None:
    """The module of a section of params.yaml; None for a plain value."""
    kind = Params.model_fields[name].annotation
    return kind.__module__ if isinstance(kind, type) and issubclass(kind, Section) else None


def _shared(graph: "ImportGraph", plugins: Sequence[Plugin]) -> set[str]:
    """What plug-ins import: grimp does not see a plug-in that is imported by its name."""
    imported: set[str] = set()
    for plugin in plugins:
        for name in _names(plugin.room):
            root = f"{package(plugin.room)}.{name.replace('/', '.')}"
            start = f"{root}.{plugin.part.removesuffix('.py')}" if plugin.part else root
            inside = {start, *(m for m in graph.modules if m.startswith(f"{start}."))}
            imported |= set().union(*(graph.find_upstream_modules(m) for m in inside if m in graph.modules))
    return {m for m in imported if tracked(m)}


def _names(room: str) -> Sequence[str]:
    """Plug-ins that the room's table names; `base` and helpers are none."""
    from importlib import import_module

    names: Sequence[str] = getattr(import_module(package(room)), "NAMES", ())
    return names


def _is_plugin(module: str) -> bool:
    """Whether dvc.yaml names it by what params choose: a plug-in's file, or all of its package."""
    for room in ROOMS:
        for name in _names(room):
            plugin = f"{package(room)}.{name.replace('/', '.')}"
            if module == plugin or module.startswith(f"{plugin}."):
                return True
    return False


def _entry(row: Stage, names: Names) -> dict[str, object]:
    files = sorted(_file(module) for module in closure(row))
    chosen = [plugin.path for plugin in row.plugins if other(plugin, names) is None]
    params: list[object] = [*sorted(row.params)]
    if versions := [*sorted(row.versions), *(f"{PACKAGES}.{name}" for name in packages([row], names))]:
        params.append({"versions.json": versions})
    entry: dict[str, object] = {
        "desc": row.help,
        # -P: a file at the top of the workspace must not be imported in the place of a library.
        "cmd": f"python -P -m components {row.name}",
        "deps": [*row.inputs, *files, *chosen],
        "params": params,
        "outs": list(row.outputs),
    }
    return entry


def _file(module: str) -> str:
    path = Path(*module.split("."))
    return (path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).as_posix()
