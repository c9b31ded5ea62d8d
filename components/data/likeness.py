"""Paths that a table may mean: written with backslashes, in another case, from another folder."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable


class Names:
    """The files of a source, by what is left of their paths when nothing but letters counts."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._alike: dict[str, list[str]] = defaultdict(list)
        self._ends: dict[str, list[str]] = defaultdict(list)
        for path in paths:
            plain = _plain(path)
            self._alike[plain].append(path)
            self._ends[plain.rpartition("/")[2]].append(path)

    def hint(self, path: str) -> str:
        """What a message adds behind a `path` that is not there: ", which holds 'img/1.png'", or nothing.

        A file of the same name in another folder is one only where no other file has that name, or no other has as
        many folders of the path's end.
        """
        plain = _plain(path)
        near = self._alike.get(plain) or self._nearest(plain)
        return f", which holds {near[0]!r}" if len(near) == 1 else ""

    def _nearest(self, plain: str) -> list[str]:
        found = self._ends.get(plain.rpartition("/")[2], [])
        if len(found) < 2:
            return found
        common = {path: _common(plain, _plain(path)) for path in found}
        return [path for path in found if common[path] == max(common.values())]


def _common(one: str, other: str) -> int:
    """Parts at the end that are equal."""
    count = 0
    for mine, theirs in zip(reversed(one.split("/")), reversed(other.split("/")), strict=False):
        if mine != theirs:
            break
        count += 1
    return count


def _plain(path: str) -> str:
    return unicodedata.normalize("NFC", path.replace("\\", "/")).casefold()
