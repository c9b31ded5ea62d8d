"""The ledger: whole or plainly damaged, whoever dies while writing it, whoever edits it."""

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from components.errors import RegistryError, StorageError
from components.registry import history, ledger
from components.registry.ledger import Entry, FileBook, Ledger, Note, Version
from components.registry.signing import load_signer

ONE, TWO, THREE = (Version(str(n), str(n) * 64, f"s{n}") for n in (1, 2, 3))


@pytest.fixture(autouse=True)
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "keys" / "ledger.pem"
    monkeypatch.setenv("GRAFTLINE_LEDGER_KEY", str(path))
    return path


@pytest.fixture
def book(tmp_path: Path) -> FileBook:
    return FileBook(tmp_path / "cells.jsonl")


def _move(book: Ledger, kind: str, target: Version, source: Version | None = None) -> Entry:
    book.append(Note(kind, "ada@host", source, target, ("it is better",), {"p": 0.01}))
    return book.append(Note("moved", "ada@host", source, target))


@pytest.fixture
def written(book: FileBook) -> Ledger:
    """1, then 2, then 3, then back to 2: eight entries."""
    made = Ledger(book, "cells")
    _move(made, "promote", ONE)
    _move(made, "promote", TWO, ONE)
    _move(made, "promote", THREE, TWO)
    _move(made, "rollback", TWO, THREE)
    return made


def test_what_was_written_is_read_in_order_and_chained(written: Ledger) -> None:
    entries = written.entries()
    assert [entry.seq for entry in entries] == list(range(1, 9))
    assert [one.hash for one in entries[:-1]] == [other.before for other in entries[1:]]
    assert entries[0].note == Note("promote", "ada@host", None, ONE, ("it is better",), {"p": 0.01})
    assert Ledger(written.book, "cells").entries() == entries


def test_what_helps_is_what_the_system_refused(book: FileBook) -> None:
    """Only a full disk asks for room."""
    book.path.mkdir()
    with pytest.raises(
        StorageError, match=r"cells\.jsonl could not be written: Is a directory.*Move the folder away"
    ):
        book.append(b"{}")


def test_an_empty_ledger_needs_no_key(book: FileBook, key: Path) -> None:
    assert Ledger(book, "cells").entries() == []
    assert not key.exists()


def test_the_key_is_its_owners_alone_and_made_once(written: Ledger, key: Path) -> None:
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert [path.name for path in key.parent.iterdir()] == ["ledger.pem"]
    assert {entry.key for entry in written.entries()} == {load_signer(create=False).name}


def _lines(written: Ledger) -> list[bytes]:
    assert isinstance(written.book, FileBook)
    return written.book.path.read_bytes().splitlines(keepends=True)


def _rewrite(written: Ledger, lines: list[bytes]) -> None:
    assert isinstance(written.book, FileBook)
    written.book.path.write_bytes(b"".join(lines))


@pytest.mark.parametrize("key_", ["at", "who", "kind", "to", "reasons", "facts"])
def test_a_changed_entry_is_found(written: Ledger, key_: str) -> None:
    lines = _lines(written)
    fields = json.loads(lines[2])
    fields[key_] = {"to": {**fields["to"], "version": "9"}, "reasons": ["no"], "facts": {}}.get(key_, "moved")
    lines[2] = ledger._canonical(fields) + b"\n"
    _rewrite(written, lines)
    with pytest.raises(StorageError, match="entry 3 was changed"):
        written.entries()


def test_a_field_that_nobody_reads_is_a_change(written: Ledger) -> None:
    lines = _lines(written)
    lines[4] = ledger._canonical({**json.loads(lines[4]), "hidden": 1}) + b"\n"
    _rewrite(written, lines)
    with pytest.raises(StorageError, match="entry 5 cannot be read"):
        written.entries()


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ([0, 1, 3, 4, 5, 6, 7], "entry 4 stands where entry 3 should"),
        ([1, 2, 3, 4, 5, 6, 7], "entry 2 stands where entry 1 should"),
        ([0, 2, 1, 3, 4, 5, 6, 7], "entry 3 stands where entry 2 should"),
        ([0, 1, 1, 2, 3, 4, 5, 6, 7], "entry 2 stands where entry 3 should"),
        ([0, 1, 2, 3, 4, 5, 6], "ends with entry 7, but entry 8 was written"),
        ([], "ends with entry 0, but entry 8 was written"),
    ],
)
def test_lost_and_reordered_entries_are_found(written: Ledger, order: list[int], words: str) -> None:
    lines = _lines(written)
    _rewrite(written, [lines[i] for i in order])
    with pytest.raises(StorageError, match=words):
        written.entries()
    with pytest.raises(StorageError, match="damaged"):
        written.append(Note("keep", "eve@host"))


def test_a_ledger_written_anew_with_another_key_is_found(
    written: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hashes alone could be computed by anybody."""
    with monkeypatch.context() as other:
        other.setenv("GRAFTLINE_LEDGER_KEY", str(tmp_path / "eve.pem"))
        assert isinstance(written.book, FileBook)
        written.book.path.unlink()
        written.book.path.with_suffix(".head.json").unlink()
        _move(written, "promote", THREE)
    with pytest.raises(StorageError, match=r"entry 1 was not signed by the key in .*ledger\.pem"):
        written.entries()


def test_another_models_ledger_is_not_this_ones(written: Ledger) -> None:
    with pytest.raises(StorageError, match="ledger of wafers is damaged: entry 1 was changed"):
        Ledger(written.book, "wafers").entries()


def test_a_lost_head_is_found_and_one_that_lags_by_one_is_mended(written: Ledger) -> None:
    entries, eighth = written.entries(), written.book.head()
    ninth = written.append(Note("keep", "ada@host"))
    written.book.set_head(eighth)
    assert written.entries() == [*entries, ninth]
    written.append(Note("keep", "ada@host"))
    assert json.loads(written.book.head())["seq"] == 10
    written.book.set_head(eighth)
    with pytest.raises(StorageError, match="older than its 10 entries"):
        written.entries()
    written.book.set_head(b"")
    with pytest.raises(StorageError, match="its head is lost"):
        written.entries()


def test_who_cuts_the_end_off_cannot_make_a_head_for_it(written: Ledger) -> None:
    """The signatures of entries are in the file: they must not serve for a head."""
    lines = _lines(written)
    fifth = written.entries()[4]
    _rewrite(written, lines[:5])
    head = {"seq": 5, "hash": fifth.hash, "signature": fifth.signature}
    written.book.set_head(ledger._canonical(head))
    with pytest.raises(StorageError, match="its head is lost or was changed"):
        written.entries()


@pytest.mark.parametrize("kept", [1, 40, -2, -1])
def test_an_append_that_was_cut_short_loses_no_entry(written: Ledger, kept: int) -> None:
    """A piece of an entry was never said to be written; one that lacks only its line's end is an entry."""
    before, head = written.entries(), written.book.head()
    added = written.append(Note("keep", "ada@host"))
    assert isinstance(written.book, FileBook)
    data = written.book.path.read_bytes()
    start = data[:-1].rfind(b"\n") + 1
    written.book.path.write_bytes(data[:start] + data[start:][:kept])
    written.book.set_head(head)
    whole = [*before, added] if kept == -1 else before
    assert written.entries() == whole
    again = written.append(Note("refused", "ada@host"))
    assert written.entries() == [*whole, again]


KILLED = """
import os, signal, sys
from pathlib import Path
from components.registry.ledger import FileBook, Ledger, Note
book = FileBook(Path(sys.argv[1]))
real = os.fsync if sys.argv[2] == "synced" else book.set_head
def die(*words):
    os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[2] == "synced":
    os.fsync = die
else:
    book.set_head = die
Ledger(book, "cells").append(Note("keep", "ada@host"))
"""


@pytest.mark.parametrize("where", ["synced", "head"])
def test_killed_in_an_append_the_next_one_goes_on(written: Ledger, where: str) -> None:
    assert isinstance(written.book, FileBook)
    words = [sys.executable, "-c", KILLED, str(written.book.path), where]
    assert subprocess.run(words, env=os.environ, check=False).returncode == -signal.SIGKILL
    assert len(written.entries()) == 9
    assert written.append(Note("keep", "ada@host")).seq == 10
    assert len(written.entries()) == 10


def test_a_clock_that_is_set_back_does_not_reorder(written: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    last = written.entries()[-1]
    monkeypatch.setattr(ledger, "_now", lambda: "2001-01-01T00:00:00Z")
    assert written.append(Note("keep", "ada@host")).at == last.at


def test_a_host_with_the_public_key_checks_and_does_not_write(written: Ledger, key: Path) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = load_signer(create=False).public
    key.write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    assert len(written.entries()) == 8
    with pytest.raises(RegistryError, match="may check the ledger, not write it"):
        written.append(Note("keep", "ada@host"))


@pytest.mark.parametrize(("found", "words"), [(None, "its key is not here"), (b"x", "no Ed25519 key")])
def test_without_the_key_nothing_is_taken_for_granted(
    written: Ledger, key: Path, found: bytes | None, words: str
) -> None:
    key.unlink()
    if found is not None:
        key.write_bytes(found)
    with pytest.raises(RegistryError, match=words):
        written.entries()


def test_the_state_follows_moves_and_rollbacks(written: Ledger) -> None:
    entries = written.entries()
    now = history.state(entries)
    assert (now.champion, now.earlier, now.unfinished, now.fence) == (TWO, (ONE,), None, 8)
    assert history.state(entries[:6]).earlier == (ONE, TWO)
    assert history.rolled_back(entries) == {"3"}
    assert history.served(entries) == {"1": ONE, "2": TWO, "3": THREE}


def test_a_move_that_nobody_finished_serves_nothing_yet(written: Ledger) -> None:
    written.append(Note("promote", "ada@host", TWO, THREE))
    now = history.state(written.entries())
    assert now.champion == TWO
    assert now.unfinished is not None
    assert now.fence == 9


def test_what_was_rolled_back_can_be_brought_back_by_name(written: Ledger) -> None:
    _move(written, "rollback", THREE, TWO)
    entries = written.entries()
    assert history.rolled_back(entries) == {"2"}
    assert (history.state(entries).champion, history.state(entries).earlier) == (THREE, (ONE, TWO))


def test_what_served_at_an_instant(book: FileBook, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Ledger(book, "cells")
    for day, version in (("01", ONE), ("03", TWO)):
        monkeypatch.setattr(ledger, "_now", lambda day=day: f"2026-11-{day}T12:00:00Z")
        _move(made, "promote", version)
    entries = made.entries()
    found = [history.at(entries, f"2026-11-{day}T13:00:00Z").champion for day in ("00", "02", "03")]
    assert found == [None, ONE, TWO]


def test_a_challenge_waits_until_it_is_answered_or_overtaken(written: Ledger) -> None:
    written.append(Note("challenge", "ada@host", TWO, THREE))
    entries = written.entries()
    assert history.state(entries).waiting == entries[-1]
    written.append(Note("keep", "ada@host"))
    assert history.state(written.entries()).waiting == entries[-1]
    written.append(Note("reject", "bob@host", TWO, THREE))
    assert history.state(written.entries()).waiting is None
    written.append(Note("challenge", "ada@host", TWO, THREE))
    _move(written, "rollback", ONE, TWO)
    assert history.state(written.entries()).waiting is None


def test_no_bit_can_be_turned(written: Ledger) -> None:
    data = b"".join(_lines(written))
    for place in range(0, len(data), 97):
        turned = bytearray(data)
        turned[place] ^= 1
        _rewrite(written, [bytes(turned)])
        with pytest.raises(StorageError, match="damaged"):
            written.entries()
