"""From rows to contents: identical bytes are one sample, whatever they are called."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from components.data.classes import Classes
from components.data.layouts import Item
from components.data.lock import Lock
from components.data.splits import deal, declared_side, side_in_fold, side_of
from components.errors import DataError
from components.params.data import DataParams
from components.sources.base import Entry

UNLABELLED = -1


@dataclass(frozen=True, slots=True)
class Content:
    """One sample. `id` is the SHA-256 of its bytes, `path` the first of its `copies` names.

    One without a label has `label` '' and `target` UNLABELLED.
    """

    id: str
    path: str
    size: int
    label: str
    target: int
    group: str
    domain: str
    side: str
    slices: tuple[str, ...]
    copies: int


@dataclass(frozen=True, slots=True)
class Rejected:
    """What is not used: `kind` is one of missing, unlabelled, contradiction, unreadable."""

    path: str
    id: str
    kind: str
    reason: str


def classify(items: Sequence[Item], params: DataParams) -> Classes:
    """The classes of the data; a DataError that names labels which belong to none of the declared ones."""
    labelled = [item for item in items if item.label and item.label != params.labels.unlabelled]
    classes = Classes(params.labels.classes, (item.label for item in labelled))
    strange: dict[str, list[str]] = defaultdict(list)
    for item in labelled:
        if classes.of(item.label) is None:
            strange[item.label].append(item.place or item.path)
    if strange:
        named = ", ".join(
            f"{label!r} ({len(places)} samples, the first: {places[0]})"
            for label, places in sorted(strange.items())[:10]
        )
        raise DataError(
            f"The data hold labels that belong to no class of data.labels.classes: {named}.",
            f"Declared classes: {', '.join(classes.names)}. Declare the new ones, or remove their samples.",
        )
    return classes


def merge(
    items: Sequence[Item], lock: Lock, classes: Classes, params: DataParams
) -> tuple[list[Content], list[Rejected]]:
    """Contents in the order of their ids, and what cannot be used without looking into a file."""
    entries = {entry.path: entry for entry in lock.entries}
    found: dict[str, list[tuple[Item, Entry]]] = defaultdict(list)
    rejected = []
    for item in items:
        entry = entries.get(item.path)
        if entry is None:
            rejected.append(Rejected(item.path, "", "missing", "is in the table, not at the source"))
        elif item.label == params.labels.unlabelled:
            found[entry.sha256].append((replace(item, label=""), entry))
        elif not item.label:
            rejected.append(
                Rejected(
                    item.path,
                    entry.sha256,
                    "unlabelled",
                    "has no label; data.labels.unlabelled says how that is written where such samples are to be kept",
                )
            )
        else:
            found[entry.sha256].append((item, entry))
    side = _sides({name: copies[0][0] for name, copies in found.items()}, params)
    contents = []
    for name in sorted(found):
        clash = _clash([item for item, _ in found[name]], classes)
        if clash:
            rejected += [Rejected(item.path, name, "contradiction", clash) for item, _ in found[name]]
        else:
            contents.append(_content(name, found[name], classes, side))
    return contents, rejected


def _sides(found: Mapping[str, Item], params: DataParams) -> Callable[[str, Item], str]:
    """How the side of a content is told: by its column, by its group's fold, or by what it is."""
    split, folds = params.split, params.split.folds
    if params.labels.split:
        return lambda name, item: declared_side(item.side, item.place or item.path)
    if folds:
        fold = deal((item.group or name for name, item in found.items()), split, folds)
        return lambda name, item: side_in_fold(fold[item.group or name], name, split, folds)
    return lambda name, item: side_of(item.group or name, split)


def _clash(items: Sequence[Item], classes: Classes) -> str:
    """How items of one content contradict each other: '' if they do not."""
    said: Mapping[str, set[str | None]] = {
        # A copy without a label contradicts nothing.
        "labels": {classes.of(item.label) for item in items if item.label},
        "groups": {item.group for item in items},
        "sides": {item.side for item in items},
    }
    wrong = [
        f"{what} {', '.join(sorted(map(str, values)))}" for what, values in said.items() if len(values) > 1
    ]
    return f"one content with {'; '.join(wrong)}" if wrong else ""


def _content(
    name: str,
    copies: Sequence[tuple[Item, Entry]],
    classes: Classes,
    side: Callable[[str, Item], str],
) -> Content:
    item, entry = next((copy for copy in copies if copy[0].label), copies[0])
    label = (classes.of(item.label) or "") if item.label else ""
    return Content(
        id=name,
        path=item.path,
        size=entry.size,
        label=label,
        target=classes.target(label) if label else UNLABELLED,
        group=item.group,
        domain=item.domain,
        side=side(name, item),
        slices=item.slices,
        copies=len({copy.path for copy, _ in copies}),
    )
