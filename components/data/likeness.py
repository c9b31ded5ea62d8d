"""Which file of a source a path in a table names, and which one it may mean."""

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import cached_property


class Names:
    """The files of a source, by their paths and by what is left of these when less counts."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._paths = frozenset(paths)

    def find(self, *spellings: str) -> str | None:
        """The file that one of the spellings names, the first before others; None where there is none.

        Composed and decomposed letters are equal where no file has just these: tables and archives change them.
        """
        for path in spellings:
            if path in self._paths:
                return path
        for path in spellings:
            twins = [] if path.isascii() else self._composed[composed(path)]
            if len(twins) == 1:
                return twins[0]
        return None

    def hint(self, path: str) -> str:
        """What a message adds behind a `path` that is not there: ", which holds 'img/1.png'", or nothing.

        Meant is a file in another case or with other slashes. A file of the same name in another folder is meant only
        where no other file has that name, or no other has as many folders of the path's end.
        """
        plain = _plain(path)
        near = self._alike[plain] or self._nearest(plain)
        return f", which holds {near[0]!r}" if len(near) == 1 else ""

    def _nearest(self, plain: str) -> list[str]:
        found = self._ends[plain.rpartition("/")[2]]
        if len(found) < 2:
            return found
        common = {path: _common(plain, _plain(path)) for path in found}
        return [path for path in found if common[path] == max(common.values())]

    @cached_property
    def _composed(self) -> defaultdict[str, list[str]]:
        return self._by(composed)

    @cached_property
    def _alike(self) -> defaultdict[str, list[str]]:
        return self._by(_plain)

    @cached_property
    def _ends(self) -> defaultdict[str, list[str]]:
        return self._by(lambda path: _plain(path).rpartition("/")[2])

    def _by(self, key: Callable[[str], str]) -> defaultdict[str, list[str]]:
        found: defaultdict[str, list[str]] = defaultdict(list)
        for path in sorted(self._paths):
            found[key(path)].append(path)
        return found


def composed(path: str) -> str:
    return unicodedata.normalize("NFC", path)


def _common(one: str, other: str) -> int:
    """Parts at the end that are equal."""
    count = 0
    for mine, theirs in zip(reversed(one.split("/")), reversed(other.split("/")), strict=False):
        if mine != theirs:
            break
        count += 1
    return count


def _plain(path: str) -> str:
    return composed(path.replace("\\", "/")).casefold()
