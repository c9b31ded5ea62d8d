"""What plug-ins say of themselves: read by name, so that a new one is a package and a line in its room's table, or an
entry point of another distribution.

A package's own file (`components/problems/classification/__init__.py`) holds plain values and imports nothing slow.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module, metadata
from types import ModuleType
from typing import Any

from components.choices import Facts
from components.errors import ParamsError
from components.params.base import Section
from components.params.names import BACKBONES

# Room → the group of its entry points. There `ranking = company.ranking` names a package.
GROUPS: Mapping[str, str] = {
    room: f"graftline.{room.rpartition('/')[-1]}"
    for room in ("backbones", "data/formats", "modalities", "problems")
}


@dataclass(frozen=True)
class Foreign:
    """A plug-in of another distribution.

    Attributes:
        module: its package, as Python imports it.
        distribution: who brings it, with the version.
    """

    module: str
    distribution: str

    @property
    def package(self) -> str:
        """The whole that is imported with it: `company` of `company.ranking`."""
        return self.module.partition(".")[0]


@cache
def foreign(room: str) -> Mapping[str, Foreign]:
    """Name → plug-in, of those that other distributions bring. ParamsError where two claim a name."""
    own, found = set(_own(room)), dict[str, Foreign]()
    for point in metadata.entry_points(group=GROUPS[room]) if room in GROUPS else ():
        made = Foreign(point.value, _distribution(point))
        other = "graftline itself" if point.name in own else None
        if point.name in found:
            other = found[point.name].distribution
        if other is not None:
            raise ParamsError(
                f"{made.distribution} and {other} both bring {point.name!r} to {GROUPS[room]}.",
                "Remove one of them, or rename its entry point.",
            )
        if not point.name.isidentifier() or point.attr:
            raise ParamsError(
                f"{made.distribution} has the entry point {point.name} = {point.value} in {GROUPS[room]}; "
                "a plug-in is a plain name and a package: name = package.module"
            )
        found[point.name] = made
    return dict(sorted(found.items()))


def _distribution(point: metadata.EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else "an unnamed distribution"


@cache
def _own(room: str) -> tuple[str, ...]:
    found: tuple[str, ...] = import_module(package(room)).NAMES
    return found


def package(room: str) -> str:
    """Where our own plug-ins of a room lie: `components.data.formats` of `data/formats`."""
    return f"components.{room.replace('/', '.')}"


@cache
def names(room: str) -> tuple[str, ...]:
    """Names of the plug-ins of a room (`modalities`, `problems`, …), those of other distributions last."""
    return (*_own(room), *foreign(room))


def place(room: str, name: str, part: str = "") -> ModuleType:
    """The package of a plug-in, or a part of it. ValueError for a name that is not known."""
    if name not in names(room):
        raise ValueError(f"{name!r} is not known; allowed: {', '.join(names(room))}")
    other = foreign(room).get(name)
    root = f"{package(room)}.{name}" if other is None else other.module
    try:
        return import_module(f"{root}.{part}" if part else root)
    except ImportError as error:
        if other is None:
            raise
        raise ParamsError(
            f"{other.distribution} cannot be imported for {name!r}: {error}.",
            "Install it again, or repair it.",
        ) from error


def about(room: str, name: str) -> ModuleType:
    """The module of a plug-in, which tells its facts. ValueError for a name that is not known."""
    return place(room, name)


def options(room: str, name: str) -> type[Section]:
    """The keys that a plug-in adds to section `task`."""
    found: type[Section] = about(room, name).Params
    return found


def metrics(problem: str) -> Mapping[str, str]:
    """Metric → `higher` or `lower`, whichever is better."""
    found: Mapping[str, str] = about("problems", problem).METRICS
    return found


def ranges(problem: str) -> Mapping[str, tuple[float, float]]:
    """Metric → least and greatest value that it can have, of those for which the problem says so."""
    found: Mapping[str, tuple[float, float]] = getattr(about("problems", problem), "RANGES", {})
    return found


def best(problem: str) -> str:
    """The metric that `auto` means."""
    return next(iter(metrics(problem)))


def overfitting(problem: str) -> str | None:
    """The score by which training and validation samples are compared; None where the problem has none."""
    found: str | None = getattr(about("problems", problem), "OVERFITTING", None)
    return found


def fact(room: str, name: str, key: str) -> Any:
    """A value that a plug-in states, e.g. `OFFERS` of a problem."""
    return getattr(about(room, name), key)


def offers(room: str, name: str, what: str) -> bool:
    """Whether a plug-in states `what` among its `OFFERS`."""
    return what in fact(room, name, "OFFERS")


@cache
def backbones() -> Mapping[str, Facts]:
    """What is known of each backbone before it is built; those of other distributions state `FACTS`."""
    return {**BACKBONES, **{name: fact("backbones", name, "FACTS") for name in foreign("backbones")}}
