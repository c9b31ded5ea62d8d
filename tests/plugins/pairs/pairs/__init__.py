"""Format `pairs`: beside each sample lies a file of its name with the ending `.label`, which holds its label."""

from collections.abc import Callable, Iterable, Sequence, Set
from pathlib import PurePosixPath
from typing import BinaryIO

from components.data.formats.base import Files, Item, Listing
from components.errors import DataError
from components.params.data import DataParams
from components.sources.base import Entry

OFFERS = ("several labels",)  # of what `components/data/formats/base.py` lists: no columns
ENDING = ".label"
EARLY = 1000  # files of labels that `check` opens


class Format:
    by_path = False  # paths do not say the labels

    def __init__(self, data: DataParams, kind: str) -> None:
        self._source = data.source

    def look(self, paths: Sequence[str], open_file: Callable[[str], BinaryIO]) -> Listing | None:
        pairs = self._pairs(paths)
        if len(pairs) > EARLY:
            return None

        def load(path: str) -> bytes:
            with open_file(path) as file:
                return file.read()

        return _listing(pairs, load)

    def read(self, paths: Sequence[str], files: Files) -> Listing:
        return _listing(self._pairs(paths), files.read)

    def evidence(self, entries: Iterable[Entry]) -> Set[tuple[str, str]]:
        return {(entry.path, entry.sha256) for entry in entries if entry.path.endswith(ENDING)}

    def _pairs(self, paths: Sequence[str]) -> dict[str, str]:
        """Path of a sample → path of its label."""
        labels = {path.removesuffix(ENDING): path for path in paths if path.endswith(ENDING)}
        found = {
            path: labels[stem]
            for path in paths
            if (stem := str(PurePosixPath(path).with_suffix(""))) in labels
        }
        pairs = {path: label for path, label in found.items() if path != label}
        if alone := sorted(set(labels.values()) - set(pairs.values())):
            raise DataError(f"{self._source}: beside {alone[0]!r} lies no sample of its name.")
        return pairs


def _listing(pairs: dict[str, str], load: Callable[[str], bytes]) -> Listing:
    items = [Item(path, _written(load(label), label), place=label) for path, label in pairs.items()]
    return Listing(items, annotations=tuple(pairs.values()))


def _written(payload: bytes, path: str) -> str:
    try:
        return payload.decode().strip()
    except UnicodeDecodeError:
        raise DataError(f"{path} is not UTF-8.") from None
