"""What plug-ins say of themselves: read by name, so that a new one is a package and a line in its room's table, or an
entry point of another distribution.

A package's own file (`components/problems/classification/__init__.py`) holds plain values and imports nothing slow.
Heads and methods are a file each; a line in a table says what must be known of one before it is imported. That of
another distribution is the value `CHOICE` of its package, which has `Params`, too, where it has keys of its own.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import import_module, metadata
from types import ModuleType
from typing import Any

from components.choices import Choice, Facts, Need
from components.errors import ParamsError
from components.params.base import Section

# Tables of heads and methods → where they are; there, `keep` is `KEEP`.
TABLES: Mapping[str, str] = {
    "heads": "components.heads",
    **dict.fromkeys(
        ("methods", "keep", "align", "confident", "balances", "adaptations", "weightings", "pretrainings"),
        "components.methods",
    ),
}
# Room or table → the group of its entry points. There `ranking = company.ranking` names a package.
GROUPS: Mapping[str, str] = {
    room: f"graftline.{room.rpartition('/')[-1]}"
    for room in ("backbones", "data/formats", "modalities", "problems", *TABLES)
}
NONE = "none"  # where nothing is chosen


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
    own, found = {*_own(room), NONE}, dict[str, Foreign]()
    for point in _points().select(group=GROUPS[room]):
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


@cache
def _points() -> "metadata.SelectableGroups | metadata.EntryPoints":
    """All that is installed, read once: it takes as long for one group as for all."""
    return metadata.entry_points()


def _distribution(point: metadata.EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else "an unnamed distribution"


@cache
def _own(room: str) -> tuple[str, ...]:
    found: tuple[str, ...] = tuple(_table(room)) if room in TABLES else import_module(package(room)).NAMES
    return found


def _table(table: str) -> Mapping[str, Choice]:
    """Our own heads or methods."""
    found: Mapping[str, Choice] = getattr(import_module(TABLES[table]), table.upper())
    return found


def package(room: str) -> str:
    """Where our own plug-ins of a room lie: `components.data.formats` of `data/formats`."""
    return f"components.{room.replace('/', '.')}"


@cache
def names(room: str) -> tuple[str, ...]:
    """Names of the plug-ins of a room or table (`modalities`, `keep`, …), those of other distributions last."""
    return (*_own(room), *foreign(room))


def place(room: str, name: str, part: str = "") -> ModuleType:
    """The package of a plug-in, or a part of it. ValueError for a name that is not known."""
    if name not in names(room):
        raise ValueError(f"{name!r} is not known; allowed: {', '.join(names(room))}")
    other = foreign(room).get(name)
    root = f"{package(room)}.{name}" if other is None else other.module
    with _said(other, name):
        return import_module(f"{root}.{part}" if part else root)


@contextmanager
def _said(other: Foreign | None, name: str) -> Iterator[None]:
    """What another distribution cannot import is told with its name."""
    try:
        yield
    except (ImportError, AttributeError) as error:
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
    """The keys that a plug-in adds to the section that chooses it. Our own heads and methods add none: those of all of
    them stand in their section."""
    if room in TABLES and name not in foreign(room):
        return Section
    found: type[Section] = fact(room, name, "Params", Section)
    return found


def choice(table: str, name: str) -> Choice:
    """The line of a head or a method. ValueError for a name that is not known."""
    if (own := _table(table).get(name)) is not None:
        return own
    found: Choice = fact(table, name, "CHOICE")
    return found


def load(table: str, name: str) -> type:
    """The class of a head or a method, imported now."""
    with _said(foreign(table).get(name), name):
        return choice(table, name).load()


def needs(table: str, name: str) -> tuple[Need, ...]:
    """What a head or a method must be given; nothing for `none`."""
    return () if name == NONE else choice(table, name).needs


def fact(room: str, name: str, key: str, default: Any = ...) -> Any:
    """A value that a plug-in states, e.g. `OFFERS` of a problem; `default` where it may leave it out."""
    with _said(foreign(room).get(name), name):
        module = about(room, name)
        return getattr(module, key) if default is ... else getattr(module, key, default)


def of_part(problem: str, metric: str) -> bool:
    """Whether it is a metric of one part of a target: `recall of CLASS`."""
    name, of, _ = metric.partition(" of ")
    return bool(of) and name in fact("problems", problem, "PARTS")


def best(problem: str) -> str:
    """The metric that `auto` means."""
    return str(next(iter(fact("problems", problem, "METRICS"))))


def offers(room: str, name: str, what: str) -> bool:
    """Whether a plug-in states `what` among its `OFFERS`."""
    return what in fact(room, name, "OFFERS")


@cache
def backbones() -> Mapping[str, Facts]:
    """What is known of each backbone before it is built; those of other distributions state `FACTS`."""
    own = {name: row.facts for name, row in import_module("components.backbones.table").BACKBONES.items()}
    return {**own, **{name: fact("backbones", name, "FACTS") for name in foreign("backbones")}}
