"""What every source is: a sorted list of files with their digests, and their bytes."""

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from components.errors import DigestMismatch, SourceRefused

QUERY = re.compile(r"\?\S*")
CREDENTIALS = re.compile(r"(\w+://)[^/\s@]*@")


@dataclass(frozen=True, order=True)
class Entry:
    """One file of a source.

    Attributes:
        path: relative, with forward slashes, without `..`.
        size: bytes.
        sha256: of its content.
    """

    path: str
    size: int
    sha256: str


# A source has a method `list`; below it, the bare name would mean that method.
Entries = list[Entry]


class Source(Protocol):
    """Files that others keep.

    Attributes:
        uri: as written in params.yaml.
        revision: names the state that was seen: a commit, a version, or a digest.
    """

    uri: str

    @property
    def revision(self) -> str: ...

    def list(self) -> Entries:
        """All files, sorted by path. Raises SourceError where the source cannot be read or trusted."""
        ...

    def read(self, path: str) -> bytes:
        """The content of one listed file. Raises SourceError, or DigestMismatch where it has changed."""
        ...


def contained(path: str) -> str:
    """`path` itself, if it is a plain relative path that stays where it is put; SourceRefused otherwise.

    Spaces of every kind, colons and backslashes are ordinary letters of a name here.
    """
    parts = path.split("/")
    if path.startswith("/") or ".." in parts:
        why = "leaves the source"
    elif "" in parts or "." in parts:
        why = "has an empty part, or a part `.`"
    else:
        # macOS keeps a folder's icon in a file named `Icon` and a carriage return: no reason to refuse the folder.
        why = unwritable(path.removesuffix("\r"))
    if not why:
        return path
    raise SourceRefused(
        f"The source holds a file named {path!a}, which is not a plain relative path: it {why}.",
        "Rename it at the source.",
    )


def unwritable(name: str) -> str:
    """Why lists and messages cannot hold `name`; empty where they can. Spaces of every kind and joiners are letters."""
    categories = {unicodedata.category(letter) for letter in name}
    if "Cc" in categories:
        return "holds a control character"
    return "is not UTF-8" if "Cs" in categories else ""


def file_digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def listing_digest(entries: Iterable[Entry]) -> str:
    """SHA-256 of the sorted lines `sha256  size  path`: names a folder's content."""
    lines = "".join(f"{entry.sha256}  {entry.size}  {entry.path}\n" for entry in sorted(entries))
    return hashlib.sha256(lines.encode()).hexdigest()


def check_digest(what: str, expected: str | None, actual: str) -> None:
    """Raise DigestMismatch unless `actual` is what was asked for, or nothing was."""
    if expected is not None and actual != expected:
        raise DigestMismatch(
            f"{public(what)} has SHA-256 {actual}, expected {expected}.",
            "It is not what was named: check where it comes from before you change the digest.",
        )


def public(uri: str) -> str:
    """`uri` as it may be shown: without credentials and without its query, which often holds a signature."""
    return QUERY.sub("?…", CREDENTIALS.sub(r"\1", uri))
