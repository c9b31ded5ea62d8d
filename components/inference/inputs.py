"""What a batch job scores: files below a folder, objects below a prefix, or the rows of a table.

All three are sequences in a fixed order that can be gone through again and again, without holding them.
"""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from components.data.foreign import hidden
from components.errors import DataError, ParamsError, SourceError
from components.sources.base import public
from components.sources.prefix import Prefix

# A file, an object or a cell of a table with more bytes is unreadable: a few of them would fill the memory.
MAX_BYTES = 256 * 10**6
# What is wrong with one file; anything else (a broken disk, a share that is away) is wrong with all of them.
OF_ONE_FILE = {
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EACCES,
    errno.EPERM,
    errno.ELOOP,
    errno.ENAMETOOLONG,
    errno.ENXIO,
}


@dataclass(frozen=True, slots=True)
class Input:
    """One sample to be scored.

    Attributes:
        id: names it in the output; no other input of the job has the same.
        state: what can be told of it before it is read: a size, an ETag, a path, or the digest of a text.
        load: its bytes. Raises DataError where this input cannot be had, SourceError where nothing can.
    """

    id: str
    state: str
    load: Callable[[], bytes]


class Inputs(Protocol):
    """Attributes:
    uri: where they are, as it may be shown.
    """

    uri: str

    def __iter__(self) -> Iterator[Input]:
        """All of them, in the same order each time. Raises SourceError or DataError."""
        ...


class Folder:
    """Every file below a folder, by path, but what is hidden or left there by a system (components/data/foreign.py).

    Attributes:
        root: the folder, resolved.
    """

    def __init__(self, root: Path) -> None:
        self.uri = str(root)
        self.root = root.resolve()

    def __iter__(self) -> Iterator[Input]:
        for path, size in self._walk(self.root, ""):
            yield Input(path, size, partial(read_below, self.root, path))

    def _walk(self, folder: Path, prefix: str) -> Iterator[tuple[str, str]]:
        """(path, size), sorted by path: a folder's name sorts as if `/` were its last letter."""
        try:
            with os.scandir(folder) as found:
                entries = sorted(
                    (f"{entry.name}/" if entry.is_dir(follow_symlinks=False) else entry.name, entry)
                    for entry in found
                    if not hidden(f"{entry.name}/_" if entry.is_dir() else entry.name)
                )
        except OSError as error:
            raise SourceError(f"{folder} cannot be read: {error.strerror}.") from None
        for name, entry in entries:
            path = f"{prefix}{name}"
            _check_name(path)
            if name.endswith("/"):
                yield from self._walk(folder / entry.name, path)
            elif entry.is_dir():
                raise SourceError(
                    f"{path} is a link to a folder.", "Put the folder itself there, or name it as the input."
                )
            else:
                yield path, _size(entry)


class Objects:
    """Every object below a prefix, by key, but hidden ones. An object that is exchanged has another ETag."""

    def __init__(self, prefix: Prefix) -> None:
        self.uri = public(prefix.uri)
        self._prefix = prefix

    def __iter__(self) -> Iterator[Input]:
        for item in self._prefix.objects():
            if hidden(item.path):
                continue
            yield Input(item.path, f"{item.size} {item.state}", partial(self._load, item.key, item.size))

    def _load(self, key: str, size: int) -> bytes:
        _check_size(size)
        return self._prefix.read(key)


def read_below(root: Path, name: str) -> bytes:
    """The bytes of the regular file `name` below `root`, which must be resolved.

    Raises DataError, with a reason without paths, where this file cannot be had; SourceError where the folder is away.
    """
    try:
        path = (root / name).resolve(strict=True)
        if not path.is_relative_to(root):
            raise DataError("lies outside the folder of the inputs")
        # Not to wait for ever for a writer of a pipe.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
        with os.fdopen(handle, "rb") as file:
            facts = os.fstat(handle)
            if not stat.S_ISREG(facts.st_mode):
                raise DataError("is not a regular file")
            _check_size(facts.st_size)
            return file.read()
    except (OSError, RuntimeError) as error:
        number = error.errno if isinstance(error, OSError) else errno.ELOOP
        reason = os.strerror(number or errno.EIO)
        if number not in OF_ONE_FILE or not root.is_dir():
            raise SourceError(
                f"{root / name} cannot be read: {reason}.", "Then run the same command: it continues."
            ) from None
        raise DataError(reason) from None
    except ValueError:
        raise DataError("is not the name of a file") from None


def no_inputs() -> DataError:
    return DataError("There are no inputs.", "Check the folder, table or prefix.")


def _check_size(size: int) -> None:
    if size > MAX_BYTES:
        raise DataError(f"{size} bytes are more than the {MAX_BYTES} allowed")


def _check_name(path: str) -> None:
    try:
        path.encode()
    except UnicodeEncodeError:
        raise SourceError(f"The name {path!a} is not UTF-8.", "Rename it.") from None


def _size(entry: "os.DirEntry[str]") -> str:
    """In bytes; of a link that leads nowhere, nothing is known."""
    try:
        return str(entry.stat().st_size)
    except OSError:
        return "?"


def refuse_output_inside(inputs: Inputs, output: Path) -> None:
    """Results below the inputs would be inputs of the next run."""
    if isinstance(inputs, Folder) and output.resolve().is_relative_to(inputs.root):
        raise ParamsError(
            f"--output {output} lies inside the inputs {inputs.uri}.", "Name a folder beside it."
        )
