"""Small classes: where the hash leaves too few of their samples on a side, some are dealt there, once and for good.

A class of 30 samples has 1.5 of them on a side with a share of 5 %, and by the hash alone none in a fifth of all
cases. `refresh` deals when it sees a class for the first time, and writes down which classes it looked at and what it
dealt (data/source.lock). Later on the hash alone decides about new samples of that class: neither adding nor removing
samples ever moves one to another side. What cannot be dealt without moving a sample of a class that was looked at
before stays where it is.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

from components.data.contents import Content
from components.data.lock import Assignments
from components.data.splits import SIDES, drawn, share
from components.params.data import DataParams, Split

# A class gets as many samples on a side as its share says, but no more than ENOUGH, and no less than FEW.
ENOUGH, FEW = 6, 2


@dataclass(frozen=True)
class _Unit:
    """What moves as one: a content, or all contents of a group.

    Attributes:
        classes: class → how many samples.
        among: the sides that are possible for all of it.
    """

    key: str
    side: str
    classes: Mapping[str, int]
    among: tuple[str, ...]


def split_named(params: DataParams) -> dict[str, str | float]:
    """What the sides depend on: another salt, other shares or other groups are another split."""
    named: dict[str, str | float] = {"salt": params.split.salt}
    if params.labels.group:
        named["group"] = params.labels.group
    if params.split.folds:
        return named | {"folds": params.split.folds}
    return named | {side: share(params.split, side) for side in SIDES}


def assign(
    contents: Sequence[Content], params: DataParams, kept: Assignments | None, settled: Set[str]
) -> Assignments:
    """`kept` and what is dealt now. A class below `min_per_class` is left alone: it is refused anyway.

    Args:
        contents: with the sides that they have by the hash and `kept`.
        settled: classes whose samples have been used as they lie: none of them moves.
    """
    table, smallest = _Table(contents, params.split), params.limits.min_per_class
    kept = kept or Assignments(split_named(params), (), {})
    known = settled | set(kept.classes)
    fixed = {*kept.sides, *(content.key for content in contents if content.short_id in kept.samples)}
    counts = {name: table.size(name) for name in table.classes}
    new = [name for name in table.classes if name not in known and counts[name] >= smallest]
    free: dict[str, list[_Unit]] = {name: [] for name in new}
    for unit in table.units:
        if unit.key not in fixed and known.isdisjoint(unit.classes):
            for name in unit.classes.keys() & free.keys():
                free[name].append(unit)
    dealt: dict[str, str] = {}
    for name in sorted(new, key=lambda name: (counts[name], name)):
        dealt |= table.top_up(name, [unit for unit in free[name] if unit.key not in dealt])
    known |= set(new)
    samples = dict(kept.samples)
    if params.labels.group:
        used = (content for content in contents if known >= set(content.strata))
        samples |= {content.short_id: dealt.get(content.key, content.side) for content in used}
    return Assignments(kept.split, tuple(sorted(known)), {**kept.sides, **dealt}, samples)


def lacking(contents: Iterable[Content]) -> set[str]:
    """Classes that have no sample on some side."""
    sides: dict[str, set[str]] = defaultdict(set)
    for content in contents:
        for name in content.strata:
            sides[name].add(content.side)
    return {name for name, found in sides.items() if len(found) < len(SIDES)}


class _Table:
    """How many samples of each class lie on each side, and what may move."""

    def __init__(self, contents: Sequence[Content], split: Split) -> None:
        self._split = split
        self.units = _units(contents)
        self._counts: Counter[tuple[str, str]] = Counter((s, c.side) for c in contents for s in c.strata)
        self.classes = sorted({name for name, _ in self._counts})
        expected: dict[tuple[str, str], float] = defaultdict(float)
        for content in contents:
            whole = sum(share(split, side) for side in content.among)
            for side in content.among:
                for name in content.strata:
                    expected[name, side] += share(split, side) / whole
        self._wanted = {place: self._needed(place[0], number) for place, number in expected.items()}
        for name in self.classes:  # what the others need, training may lack
            others = sum(self._wanted.get((name, side), 0) for side in SIDES[1:])
            if (name, SIDES[0]) in self._wanted:
                left = max(1, self.size(name) - others)
                self._wanted[name, SIDES[0]] = min(left, self._wanted[name, SIDES[0]])

    def size(self, name: str) -> int:
        return sum(self._counts[name, side] for side in SIDES)

    def top_up(self, name: str, free: list[_Unit]) -> dict[str, str]:
        """Key → side, of the units among `free` that are dealt for the class; they are taken from there."""
        dealt = {}
        for side in reversed(SIDES):
            while self._counts[name, side] < self._wanted.get((name, side), 0):
                able = [unit for unit in free if self._may_move(unit, side)]
                if not able:
                    break
                unit = min(able, key=lambda unit: self._cost(unit, name))
                free.remove(unit)
                dealt[unit.key] = side
                for label, count in unit.classes.items():
                    self._counts[label, unit.side] -= count
                    self._counts[label, side] += count
        return dealt

    def _needed(self, name: str, expected: float) -> int:
        few = FEW if self.size(name) >= FEW * len(SIDES) else 1
        return min(ENOUGH, max(few, int(expected + 1e-9)))

    def _may_move(self, unit: _Unit, side: str) -> bool:
        """No class may lack samples where the unit comes from."""
        return (
            side in unit.among
            and side != unit.side
            and all(
                self._counts[label, unit.side] - count >= self._wanted[label, unit.side]
                for label, count in unit.classes.items()
            )
        )

    def _cost(self, unit: _Unit, name: str) -> tuple[int, int, float, str]:
        """From where most are left, the smallest, and among these whichever the salt draws."""
        spare = self._counts[name, unit.side] - self._wanted[name, unit.side]
        return -spare, sum(unit.classes.values()), drawn(f"dealt\0{unit.key}", self._split), unit.key


def _units(contents: Iterable[Content]) -> list[_Unit]:
    members: dict[str, list[Content]] = defaultdict(list)
    for content in contents:
        members[content.key].append(content)
    units = []
    for key, found in sorted(members.items()):
        among = found[0].among
        if len(found) > 1:
            among = tuple(side for side in SIDES if all(side in content.among for content in found))
        if len({content.side for content in found}) == 1:  # a group that declared sides cut apart stays so
            classes = Counter(name for content in found for name in content.strata)
            units.append(_Unit(key, found[0].side, classes, among))
    return units
