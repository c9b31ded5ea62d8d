"""The ledger of one model: who moved the champion, when, from what, to what, and why. It only ever grows.

An entry is a line of JSON that holds the hash of the entry before it (Haber & Stornetta, Journal of Cryptology 1991)
and a signature over its own. The last entry's number and hash are kept and signed once more, as the head: without it,
a ledger that lost its end would look whole. Who appends holds the promotion lock; who reads needs no lock.
"""

import json
import os
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from getpass import getuser
from pathlib import Path
from typing import Protocol

from components.errors import StorageError
from components.registry.signing import Signer, load_signer
from components.storage.publish import sha256_bytes, sync_folder, write_bytes
from components.system_errors import writing

START = "0" * 64
RESTORE = "Restore it from a backup; until then nothing is promoted."


@dataclass(frozen=True)
class Version:
    """A registered version by its bytes.

    Attributes:
        digest: SHA-256 of the release folder.
        samples: SHA-256 of the file that lists the samples it was made from.
        folder: of all its files (`registry.model.folder_digest`); empty where the entry was written without it.
    """

    number: str
    digest: str
    samples: str = ""
    folder: str = ""


@dataclass(frozen=True)
class Note:
    """What an entry says, before it has a place in the chain."""

    kind: str
    who: str
    source: Version | None = None
    target: Version | None = None
    reasons: tuple[str, ...] = ()
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Entry:
    """A link of the chain; `at` is UTC and never before the entry before it, whatever the clock said."""

    seq: int
    at: str
    note: Note
    before: str
    hash: str
    key: str
    signature: str

    def line(self) -> bytes:
        about = _fields(self.seq, self.at, self.note, self.before, self.key)
        return _canonical({**about, "hash": self.hash, "signature": self.signature})


class Book(Protocol):
    """Where the lines of a ledger are kept. A file on one host; a table where the registry is shared."""

    def lines(self) -> Sequence[bytes]:
        """Whole entries, in order."""

    def append(self, line: bytes) -> None:
        """Durable when it returns. Of what was cut short before, nothing is in the way."""

    def head(self) -> bytes:
        """What `set_head` said last; empty if nothing yet."""

    def set_head(self, head: bytes) -> None: ...


class FileBook:
    """Lines in `path`, the head beside it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._head = path.with_suffix(".head.json")

    def lines(self) -> Sequence[bytes]:
        whole, rest = self._read()
        return [*whole.splitlines(), *([rest] if _complete(rest) else [])]

    def append(self, line: bytes) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with writing(self.path):
            self._mend()
            with self.path.open("ab", buffering=0) as file:
                file.write(line + b"\n")
                os.fsync(file.fileno())
            sync_folder(self.path.parent)

    def head(self) -> bytes:
        return self._head.read_bytes() if self._head.exists() else b""

    def set_head(self, head: bytes) -> None:
        write_bytes(self._head, head)

    def _read(self) -> tuple[bytes, bytes]:
        """Lines with their ends, and what stands behind the last end."""
        data = self.path.read_bytes() if self.path.exists() else b""
        end = data.rfind(b"\n") + 1
        return data[:end], data[end:]

    def _mend(self) -> None:
        """An append that was cut short: an entry that lacks only its end gets it, a piece of one goes."""
        whole, rest = self._read()
        if not rest:
            return
        with self.path.open("r+b") as file:
            if _complete(rest):
                file.seek(0, os.SEEK_END)
                file.write(b"\n")
            else:
                file.truncate(len(whole))
            file.flush()
            os.fsync(file.fileno())


class Ledger:
    """The ledger of `model` in `book`."""

    def __init__(self, book: Book, model: str) -> None:
        self.book = book
        self.model = model

    def entries(self) -> list[Entry]:
        """All of them, once chain, signatures and head are found right.

        Raises StorageError that names the first entry that was changed, lost or moved.
        """
        head = self.book.head()  # before the lines: an append in between adds to these only
        lines = self.book.lines()
        if not lines and not head:
            return []
        signer = load_signer(create=False)
        found = list(self._chain(lines, signer))
        self._check_head(head, found, signer)
        return found

    def append(self, note: Note) -> Entry:
        """Add `note` behind what is there. Raises StorageError where that is not whole; RegistryError: no key."""
        found = self.entries()
        last = found[-1] if found else None
        signer = load_signer(create=last is None and not self.book.head())
        self._set_head(last, signer)  # in case that somebody died before it
        seq, before = (last.seq + 1, last.hash) if last else (1, START)
        at = max(_now(), last.at) if last else _now()
        digest = sha256_bytes(
            _canonical({**_fields(seq, at, note, before, signer.name), "model": self.model})
        )
        made = Entry(seq, at, note, before, digest, signer.name, signer.sign(digest))
        self.book.append(made.line())
        self._set_head(made, signer)
        return made

    def _set_head(self, entry: Entry | None, signer: Signer) -> None:
        seq, digest = (entry.seq, entry.hash) if entry else (0, START)
        head = {"seq": seq, "hash": digest, "signature": signer.sign(_head_text(self.model, seq, digest))}
        if self.book.head() != _canonical(head):
            self.book.set_head(_canonical(head))

    def _chain(self, lines: Sequence[bytes], signer: Signer) -> Iterator[Entry]:
        before = START
        for number, line in enumerate(lines, 1):
            entry = _entry(line)
            if entry is None:
                raise _damaged(self.model, f"entry {number} cannot be read")
            if entry.seq != number:
                raise _damaged(self.model, f"entry {entry.seq} stands where entry {number} should")
            if entry.before != before:
                raise _damaged(self.model, f"entry {number} does not follow the one before it")
            about = _fields(entry.seq, entry.at, entry.note, entry.before, entry.key)
            if entry.hash != sha256_bytes(_canonical({**about, "model": self.model})):
                raise _damaged(self.model, f"entry {number} was changed")
            if entry.key != signer.name or not signer.verifies(entry.hash, entry.signature):
                raise _damaged(
                    self.model, f"entry {number} was not signed by the key in {signer.path} ({signer.name})"
                )
            before = entry.hash
            yield entry

    def _check_head(self, head: bytes, found: Sequence[Entry], signer: Signer) -> None:
        """The head may lag by one entry: somebody died between the two."""
        seq, digest, signature = _head(head)
        if not signer.verifies(_head_text(self.model, seq, digest), signature):
            raise _damaged(self.model, "its head is lost or was changed")
        last = len(found)
        if seq < last - 1:
            raise _damaged(self.model, f"its head is older than its {last} entries")
        if seq > last:
            raise _damaged(self.model, f"it ends with entry {last}, but entry {seq} was written: it is lost")
        if (found[seq - 1].hash if seq else START) != digest:
            raise _damaged(self.model, f"entry {seq} is not the one that was written")


def whoami() -> str:
    """user@host, as the operating system says."""
    try:
        user = getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _fields(seq: int, at: str, note: Note, before: str, key: str) -> dict[str, object]:
    return {
        "seq": seq,
        "at": at,
        "kind": note.kind,
        "who": note.who,
        "from": _plain(note.source),
        "to": _plain(note.target),
        "reasons": list(note.reasons),
        "facts": dict(note.facts),
        "before": before,
        "key": key,
    }


def _plain(version: Version | None) -> object:
    if version is None:
        return None
    known = {
        "version": version.number,
        "release_sha256": version.digest,
        "samples_sha256": version.samples,
    }
    # Earlier entries have no such key, and their signatures are over what they have.
    return {**known, "folder_sha256": version.folder} if version.folder else known


def _version(found: object) -> Version | None:
    if not isinstance(found, dict):
        return None
    digests = (
        str(found["release_sha256"]),
        str(found["samples_sha256"]),
        str(found.get("folder_sha256", "")),
    )
    return Version(str(found["version"]), *digests)


def _canonical(value: object) -> bytes:
    """One value, one text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def _entry(line: bytes) -> Entry | None:
    try:
        f = json.loads(line)
        source, target = _version(f["from"]), _version(f["to"])
        note = Note(f["kind"], f["who"], source, target, tuple(f["reasons"]), f["facts"])
        entry = Entry(f["seq"], f["at"], note, f["before"], f["hash"], f["key"], f["signature"])
    except (ValueError, KeyError, TypeError):
        return None
    return entry if entry.line() == line else None  # a key that nobody reads would be a way to hide something


def _head_text(model: str, seq: int, digest: str) -> str:
    return f"head of {model}: {seq} {digest}"


def _head(data: bytes) -> tuple[int, str, str]:
    """Number, hash, signature; a signature that verifies nothing where they cannot be read."""
    try:
        found = json.loads(data)
        return int(found["seq"]), str(found["hash"]), str(found["signature"])
    except (ValueError, KeyError, TypeError):
        return 0, START, ""


def _complete(rest: bytes) -> bool:
    """Whether it is a whole JSON object: no beginning of one is."""
    try:
        return isinstance(json.loads(rest), dict)
    except ValueError:
        return False


def _damaged(model: str, what: str) -> StorageError:
    return StorageError(f"The ledger of {model} is damaged: {what}.", RESTORE)
