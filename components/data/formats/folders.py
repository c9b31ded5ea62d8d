"""Format `folders`: a folder a class, or, where the folders are splits, a folder a split and in it one a class.

What stands around is looked through: a single folder that holds all the others is no class, and what systems leave
behind is no sample. Which files are read says `components.data.foreign`.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass
from typing import BinaryIO

from components.data.checks import noted
from components.data.foreign import foreign, hidden_folders, is_archive, left_out_folders
from components.data.formats.base import Files, Item, Listing
from components.data.splits import NAMES
from components.errors import DataError
from components.params.data import DataParams
from components.sources.base import Entry

OFFERS = ()  # a file lies in one folder, and no row says more of it

# Names that hardly any class has. `train`, `valid` and `dev` may be one: vehicles, valid and invalid parts.
SURELY_SPLITS = frozenset({"test", "testing", "val", "validation"})
NAMED = 8
WAYS_OUT = (
    "Write `folders: classes` below data where each of them is a class, `folders: splits` where they are splits with "
    "a folder for each class inside, or take what is neither out of the source."
)


class Format:
    """A file below a class's folder is a sample."""

    by_path = True

    def __init__(self, data: DataParams, kind: str) -> None:
        self._data, self._kind = data, kind

    def look(self, paths: Sequence[str], open_file: Callable[[str], BinaryIO]) -> Listing | None:
        return self._listing(paths)

    def read(self, paths: Sequence[str], files: Files) -> Listing:
        return self._listing(paths)

    def evidence(self, entries: Iterable[Entry]) -> Set[tuple[str, str]]:
        """Each sample with its class: a file that only has another name is not new."""
        return {(entry.path.partition("/")[0], entry.sha256) for entry in entries}

    def _listing(self, paths: Sequence[str]) -> Listing:
        found = read_folders(paths, self._kind, self._data.folders, self._data.source)
        return Listing([Item(path, label, side=side) for path, label, side in found.samples], (), found.notes)


@dataclass(frozen=True)
class FolderListing:
    """Attributes:
    samples: (path, class, declared side or ''), in the order of the paths.
    notes: what a user should know about how the folders were read.
    """

    samples: Sequence[tuple[str, str, str]]
    notes: Sequence[str]


def read_folders(paths: Sequence[str], kind: str, meaning: str, uri: str) -> FolderListing:
    """Raises DataError where the folders hold no samples, archives, or classes and splits side by side.

    Args:
        kind: what the task's samples are, `images` or `texts`.
        meaning: `data.folders`: auto, classes or splits.
    """
    usable = [path for path in paths if "/" in path and not foreign(path, kind)]
    _refuse_archives([path for path in usable if is_archive(path)], uri)
    if not usable:
        raise DataError(*_nothing(paths, uri))
    around, inside = _around(usable)
    tree = _Tree([path[len(around) :] for path in inside])
    notes = _left_out(
        paths, kind, [*_ancestors(around), *(f"{around}{top}/" for top in tree.may_hold_classes())]
    )
    if around:
        notes.append(f"All samples lie below {around!r}: the folders in it count.")
    stray = sorted(set(usable) - set(inside))
    if stray:
        notes.append(f"Files beside the folders of classes are left out: {_list(stray)}.")
    with noted(notes):
        are_splits = tree.are_splits(meaning)
    if are_splits:
        return FolderListing([(around + path, *tree.split(path)) for path in tree.paths], notes)
    return FolderListing([(around + path, path.split("/")[0], "") for path in tree.paths], notes)


def _left_out(paths: Sequence[str], kind: str, parents: Sequence[str]) -> list[str]:
    """What to say of folders beside those of the classes that may be classes, too."""
    return [
        *(
            f"The folder {name!r} begins with a dot: its {count} files are left out. Rename it if it is a class."
            for name, count in hidden_folders(paths, kind, parents).items()
        ),
        *(
            f"The folder {name!r} holds no samples that can be read: {count} files such as .npy or .mp4 are left out."
            for name, count in left_out_folders(paths, kind, parents).items()
        ),
    ]


class _Tree:
    """Paths below what is common to all."""

    def __init__(self, paths: Sequence[str]) -> None:
        self.paths = paths
        self._inner: dict[str, set[str]] = defaultdict(set)
        self._loose: dict[str, int] = defaultdict(int)
        for path in paths:
            top, second, *deeper = path.split("/")
            if deeper:
                self._inner[top].add(second)
            else:
                self._loose[top] += 1
        self._tops = sorted({*self._inner, *self._loose})

    def may_hold_classes(self) -> Sequence[str]:
        """Folders that are no classes, if they are what their names say: splits, or one around all."""
        return [top for top in self._tops if top.lower() in NAMES or len(self._tops) == 1]

    def are_splits(self, meaning: str) -> bool:
        """DataError where it cannot be told, or `meaning` is not what the folders look like."""
        named = [top for top in self._tops if top.lower() in NAMES]
        if meaning == "classes":
            return False
        if meaning == "splits":
            self._check_splits(named)
            return True
        if len(named) == len(self._tops) and self._agree():
            return True
        doubtful = [top for top in named if top.lower() in SURELY_SPLITS]
        if len(named) == len(self._tops) > 1:
            doubtful = named
        if doubtful:
            raise DataError(
                f"The source holds the folders {_list(self._tops)}: {_list(doubtful)} "
                f"{'is the name of a split' if len(doubtful) == 1 else 'are names of splits'}, "
                f"but {self._why(named)}.",
                WAYS_OUT,
            )
        self._check_classes()
        return False

    def _check_classes(self) -> None:
        """DataError where splits may hide above or below the folders that would be classes."""
        named = {inner.lower() for found in self._inner.values() for inner in found}
        if not self._loose and len(named) > 1 and named <= NAMES.keys():
            raise DataError(
                f"Within {_list(self._tops)} lie the folders {_list(sorted(named))}, which are names of splits.",
                "Move the splits to the top, with a folder for each class inside (train/cat, test/cat), or write "
                "`folders: classes` below data: then what lies in them is split again.",
            )
        holding = [top for top in self._tops if top in self._inner]
        same = set.intersection(*(self._inner[top] for top in holding)) if len(holding) > 1 else set()
        if len(same) > 1:
            raise DataError(
                f"The folders {_list(holding)} all hold {_list(sorted(same))}: they may be splits, with the classes "
                "inside.",
                "Write `folders: classes` below data where they are classes. Where they are splits, name them train, "
                "val, calibration and test; where both are parts of one whole, put them together.",
            )

    def split(self, path: str) -> tuple[str, str]:
        """(class, declared side)"""
        top, label, *_ = path.split("/")
        return label, NAMES[top.lower()]

    def _agree(self) -> bool:
        """Whether all hold folders only, and none that a training folder lacks."""
        trained = self._trained()
        return (
            not self._loose and len(trained) > 1 and all(found <= trained for found in self._inner.values())
        )

    def _trained(self) -> set[str]:
        return {
            name for top, found in self._inner.items() if NAMES.get(top.lower()) == "train" for name in found
        }

    def _why(self, named: Sequence[str]) -> str:
        others = [top for top in self._tops if top not in named]
        if others:
            return f"{_list(others)} {'is' if len(others) == 1 else 'are'} not"
        if self._loose:
            top, count = next(iter(sorted(self._loose.items())))
            return f"{count} samples lie in {top!r} itself, in no class's folder"
        trained = self._trained()
        for top, found in sorted(self._inner.items()):
            if found - trained:
                return f"{top!r} holds {_list(sorted(found - trained))}, which no training folder holds"
        return "the training folder holds a single class"

    def _check_splits(self, named: Sequence[str]) -> None:
        strange = [top for top in self._tops if top not in named]
        if strange:
            raise DataError(
                f"data.folders is 'splits', but {_list(strange)} names no split.",
                f"Allowed: {', '.join(NAMES)}, in any case.",
            )
        if self._loose:
            top, count = next(iter(sorted(self._loose.items())))
            raise DataError(
                f"data.folders is 'splits', but {count} samples lie in {top!r} itself, in no class's folder.",
                "Move them into a folder for each class, or out of the source.",
            )


def _around(paths: Sequence[str]) -> tuple[str, Sequence[str]]:
    """The folders, with a slash behind, that hold nothing but one folder with several in it; '' if there are none.

    And the paths below: beside folders, single files are no class.
    """
    around = ""
    while True:
        rest = {path: path[len(around) :].split("/") for path in paths}
        tops = {parts[0] for parts in rest.values()}
        deep = {path: parts for path, parts in rest.items() if len(parts) > 2}
        inner = {parts[1] for parts in deep.values()}
        deeper = all(len(parts) > 3 for parts in deep.values())
        if len(tops) > 1 or not deep or (len(inner) == 1 and not deeper):
            return around, paths
        around, paths = f"{around}{tops.pop()}/", list(deep)


def _ancestors(around: str) -> list[str]:
    """'', 'a/' and 'a/b/' of 'a/b/'."""
    parts = around.split("/")
    return ["/".join(parts[:count]) + "/" * (count > 0) for count in range(len(parts))]


def _refuse_archives(archives: Sequence[str], uri: str) -> None:
    if archives:
        raise DataError(
            f"{uri} holds {len(archives)} archives among the samples: {_list(archives)}.",
            "Unpack them there, or take them out.",
        )


def _nothing(paths: Sequence[str], uri: str) -> tuple[str, str]:
    """Message and remedy."""
    archives = [path for path in paths if is_archive(path)]
    if archives:
        return (
            f"{uri} holds no samples for data.layout folders, but an archive: {_list(archives)}.",
            "Name a .zip itself as data.source; unpack any other, or pack it again as .zip.",
        )
    if any("\\" in path for path in paths):
        return (
            f"{uri} holds no folders, but names with backslashes such as {_list(paths[:1])}.",
            "Its archive was packed by a tool that writes them in place of slashes: pack it again.",
        )
    if paths and not any("/" in path for path in paths):
        return (
            f"{uri} holds no folders; data.layout folders has one for each class.",
            "Move each class's samples into a folder of its name, or use data.layout manifest with a table.",
        )
    return f"{uri} holds no samples for data.layout folders.", "It needs a folder for each class."


def _list(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:NAMED])
    return f"{shown}, …" if len(names) > NAMED else shown
