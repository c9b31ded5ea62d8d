"""From rows to contents: identical bytes are one sample, whatever they are called."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from components.data.formats.base import Item
from components.data.likeness import Names
from components.data.lock import ID_DIGITS, Assignments, Lock
from components.data.splits import (
    NAMES,
    RANK,
    SIDES,
    deal,
    declared_side,
    drawn,
    pools,
    side_in_fold,
    side_of,
)
from components.params.data import DataParams
from components.params.task import TaskParams
from components.problems import reading
from components.problems.labels import Reading as LabelReading
from components.sources.base import Entry


@dataclass(frozen=True, slots=True)
class Content:
    """One sample. `id` is the SHA-256 of its bytes, `path` the first of its `copies` names.

    One without a label has `label` ''. `strata` are what it counts for where splits are balanced.

    `among` are the sides that it could be on, `lower` how many of its copies are left out, because they lie on a
    lower side.
    """

    id: str
    path: str
    size: int
    label: str
    strata: tuple[str, ...]
    group: str
    domain: str
    side: str
    slices: tuple[str, ...]
    copies: int
    among: tuple[str, ...] = SIDES
    lower: int = 0

    @property
    def key(self) -> str:
        """What its side depends on."""
        return self.group or self.id

    @property
    def short_id(self) -> str:
        """What data/source.lock calls it."""
        return self.id[:ID_DIGITS]


MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Rejected:
    """What is not used: `kind` is one of missing, unlabelled, contradiction, unreadable."""

    path: str
    id: str
    kind: str
    reason: str


def classify(items: Sequence[Item], params: DataParams, task: TaskParams) -> LabelReading:
    """How the labels are read; a DataError that names those which belong to nothing that is declared."""
    labelled = [item for item in items if item.label and item.label != params.labels.unlabelled]
    labels = reading(task)(params.labels, task, (item.label for item in labelled))
    strange: dict[str, list[str]] = defaultdict(list)
    for item in labelled:
        if labels.label(item.label) is None:
            strange[item.label].append(item.place or item.path)
    if strange:
        raise labels.refusal(strange)
    return labels


def present(
    items: Sequence[Item], entries: Sequence[Entry], params: DataParams
) -> tuple[list[Item], list[Rejected]]:
    """Items with a file at the source and a label, or the word for none (then label ''); and all others."""
    digests = {entry.path: entry.sha256 for entry in entries}
    found, rejected, names = [], [], None
    for item in items:
        if item.path not in digests:
            names = names or Names(digests)
            reason = f"is in {item.place}, not at the source{names.hint(item.path)}"
            rejected.append(Rejected(item.path, "", MISSING, reason))
        elif item.label == params.labels.unlabelled:
            found.append(replace(item, label=""))
        elif item.label:
            found.append(item)
        else:
            where = f" in {item.place}" if item.place else ""
            reason = (
                f"has no label{where}; data.labels.unlabelled says how to write that of samples to be kept"
            )
            rejected.append(Rejected(item.path, digests[item.path], "unlabelled", reason))
    return found, rejected


def merge(
    items: Sequence[Item], lock: Lock, labels: LabelReading, params: DataParams
) -> tuple[list[Content], list[Rejected]]:
    """Contents in the order of their ids, of items that are `present`, and those that contradict each other."""
    entries = {entry.path: entry for entry in lock.entries}
    found: dict[str, list[tuple[Item, Entry]]] = defaultdict(list)
    for item in items:
        found[entries[item.path].sha256].append((item, entries[item.path]))
    items_of = ((name, item) for name, copies in found.items() for item, _ in copies)
    sides = _Sides(items_of, params, lock.assignments)
    contents, rejected = [], []
    for name in sorted(found):
        clash = _clash([item for item, _ in found[name]], labels)
        if clash:
            rejected += [Rejected(item.path, name, "contradiction", clash) for item, _ in found[name]]
        else:
            contents.append(_content(name, found[name], labels, sides))
    return contents, rejected


def folds_of(items: Sequence[Item], lock: Lock, params: DataParams) -> Mapping[str, int]:
    """Group, or content id of what has none, → its fold, of items that are `present`; empty without folds."""
    if not params.split.folds:
        return {}
    names, kept = {entry.path: entry.sha256 for entry in lock.entries}, lock.assignments
    keys = [item.group or names[item.path] for item in items]
    return deal(keys, params.split, params.split.folds, kept.folds if kept else None)


def declared_sides(items: Sequence[Item], params: DataParams) -> set[str]:
    """Those that a column or folders name; empty where none does. DataError where it does for some items only."""
    if not params.labels.split and not any(item.side for item in items):
        return set()
    return {declared_side(item.side, item.place or item.path) for item in items}


class _Sides:
    """How the side of a content is told: by its fold, by where it was, by what it is, or by what the data declare."""

    def __init__(
        self, items: Iterable[tuple[str, Item]], params: DataParams, kept: Assignments | None
    ) -> None:
        self._split = params.split
        self._kept = kept.sides if kept else {}
        self._samples = kept.samples if kept else {}
        self._fold: Mapping[str, int] = {}
        self._pools: Mapping[str, Sequence[str]] = {}
        pairs = list(items)
        if params.split.folds:
            keys = (item.group or name for name, item in pairs)
            self._fold = deal(keys, params.split, params.split.folds, kept.folds if kept else None)
        if declared := declared_sides([item for _, item in pairs], params):
            self._pools = pools(declared)

    def among(self, item: Item) -> tuple[str, ...]:
        """The sides that are possible."""
        return tuple(self._pools[NAMES[item.side.lower()]]) if self._pools else SIDES

    def before(self, name: str, items: Sequence[Item]) -> str | None:
        """The side that the sample was given earlier, where it is still possible."""
        if self._split.folds or len({item.side for item in items}) > 1:
            return None  # of several declared sides the highest counts
        side = self._samples.get(name[:ID_DIGITS])
        return side if side in self.among(items[0]) else None

    def of(self, name: str, item: Item) -> str:
        """The side of the item's group, or of the content itself."""
        key, folds = item.group or name, self._split.folds
        if folds:
            return side_in_fold(self._fold[key], name, self._split, folds)
        among = self.among(item)
        kept = self._kept.get(key)
        return kept if kept in among else side_of(key, self._split, among)

    def below(self, name: str, item: Item, side: str) -> bool:
        return RANK[self.of(name, item)] < RANK[side]

    def rank(self, name: str, item: Item) -> tuple[int, float, str]:
        return RANK[self.of(name, item)], drawn(item.group or name, self._split), item.group


def _clash(items: Sequence[Item], labels: LabelReading) -> str:
    """How items of one content contradict each other: '' if they do not."""
    # A copy without a label contradicts nothing.
    kept = {str(labels.label(item.label)): item.place or item.path for item in reversed(items) if item.label}
    stated = ", ".join(f"{label} ({kept[label]})" for label in sorted(kept))
    return f"one content with labels {stated}" if len(kept) > 1 else ""


def _content(name: str, copies: Sequence[tuple[Item, Entry]], labels: LabelReading, sides: _Sides) -> Content:
    """Of copies in several groups or declared sides, those on the highest side count, as of near duplicates.

    A sample that was given its side earlier stays there: of its copies, those on that side count.
    """
    chosen = copies
    before = sides.before(name, [item for item, _ in copies])
    if len({(item.group, item.side) for item, _ in copies}) > 1:
        grouped = [copy for copy in copies if copy[0].group] or copies
        grouped = [copy for copy in grouped if sides.of(name, copy[0]) == before] or grouped
        highest = max(sides.rank(name, item) for item, _ in grouped)
        chosen = [copy for copy in grouped if sides.rank(name, copy[0]) == highest]
    item, entry = next((copy for copy in chosen if copy[0].label), chosen[0])
    label = next((labels.label(other.label) or "" for other, _ in copies if other.label), "")
    side = before or sides.of(name, item)
    return Content(
        id=name,
        path=item.path,
        size=entry.size,
        label=label,
        strata=labels.strata(label) if label else (),
        group=item.group,
        domain=item.domain,
        side=side,
        slices=item.slices,
        copies=len({copy.path for copy, _ in copies}),
        among=sides.among(item),
        lower=len({i.path for i, _ in copies if len(chosen) < len(copies) and sides.below(name, i, side)}),
    )
