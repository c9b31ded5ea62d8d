"""What plug-ins say of themselves: read by name, so that a new one is a package and a line in its room's table.

A package's own file (`components/problems/classification/__init__.py`) holds plain values and imports nothing slow.
"""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

from components.params.base import Section


@cache
def names(room: str) -> tuple[str, ...]:
    """Names of the plug-ins of a room: `modalities`, `problems`."""
    found: tuple[str, ...] = import_module(f"components.{room}").NAMES
    return found


def about(room: str, name: str) -> ModuleType:
    """The module of a plug-in, which tells its facts. ValueError for a name that is not known."""
    if name not in names(room):
        raise ValueError(f"{name!r} is not known; allowed: {', '.join(names(room))}")
    return import_module(f"components.{room}.{name}")


def options(room: str, name: str) -> type[Section]:
    """The keys that a plug-in adds to section `task`."""
    found: type[Section] = about(room, name).Params
    return found


def metrics(problem: str) -> Mapping[str, str]:
    """Metric → `higher` or `lower`, whichever is better."""
    found: Mapping[str, str] = about("problems", problem).METRICS
    return found


def best(problem: str) -> str:
    """The metric that `auto` means."""
    return next(iter(metrics(problem)))


def fact(room: str, name: str, key: str) -> Any:
    """A value that a plug-in states, e.g. `OFFERS` of a problem."""
    return getattr(about(room, name), key)
