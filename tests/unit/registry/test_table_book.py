"""A ledger in a real PostgreSQL, and the lock of its session: the protocol of the file, for several hosts."""

import json
import subprocess
import sys
import threading
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from components.errors import Busy, RegistryError, StorageError
from components.params.operation import TrackingParams
from components.params.scoring import CHAMPION
from components.registry import guard, history, ledger, table_book
from components.registry.desk import Desk
from components.registry.guard import Guard
from components.registry.ledger import FileBook, Ledger, Note, Version
from components.registry.store import Place, connect
from components.registry.table_book import TableBook

if TYPE_CHECKING:
    from postgres import Cluster

ONE, TWO, THREE = (Version(str(n), str(n) * 64, f"s{n}") for n in (1, 2, 3))


@pytest.fixture(autouse=True)
def _key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAFTLINE_LEDGER_KEY", str(tmp_path / "ledger.pem"))
    monkeypatch.delenv("GRAFTLINE_HOME", raising=False)


@pytest.fixture(scope="module")
def address(postgres: "Cluster") -> str:
    """One database; each test takes a model of its own in it."""
    return postgres.made()


@pytest.fixture
def book(address: str) -> TableBook:
    return TableBook(address, f"cells-{uuid.uuid4().hex[:8]}")


def _ask(address: str, statement: str) -> None:
    """As somebody who may do everything."""
    import psycopg

    with psycopg.connect(address, autocommit=True) as session:
        session.execute(statement)


def _behind_the_triggers(address: str, statement: str) -> None:
    _ask(address, f"SET session_replication_role = replica; {statement}")


def _end_session(book: TableBook) -> None:
    """The session that holds the lock ends, as when its host or the server vanished."""
    held = f"SELECT pg_terminate_backend(pid, 5000) {table_book.HELD.replace('%s', str(book.key))}"
    _ask(book.address, held)


def _move(made: Ledger, kind: str, target: Version, source: Version | None = None) -> None:
    made.append(Note(kind, "ada@host", source, target, ("besser als “1”",), {"p": 0.01}))
    made.append(Note("moved", "ada@host", source, target))


@pytest.fixture
def written(book: TableBook) -> Ledger:
    """1, then 2, then back to 1: six entries."""
    made = Ledger(book, book.model)
    with book.locked():
        _move(made, "promote", ONE)
        _move(made, "promote", TWO, ONE)
        _move(made, "rollback", ONE, TWO)
    return made


def test_the_table_holds_the_lines_that_the_file_would(
    written: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = written.entries()
    times = iter([entry.at for entry in entries])
    monkeypatch.setattr(ledger, "_now", lambda: next(times))
    file = Ledger(FileBook(tmp_path / "cells.jsonl"), written.model)
    for entry in entries:
        file.append(entry.note)
    assert list(file.book.lines()) == list(written.book.lines())
    assert file.book.head() == written.book.head()
    assert history.state(file.entries()) == history.state(entries)


def test_before_the_first_promotion_it_is_empty(postgres: "Cluster") -> None:
    assert Ledger(TableBook(postgres.made(), "cells"), "cells").entries() == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE graftline.ledger SET line = '{}'",
        "DELETE FROM graftline.ledger WHERE seq = 3",
        "TRUNCATE graftline.ledger",
        "DELETE FROM graftline.head",
    ],
)
def test_the_database_refuses_what_is_no_new_entry(written: Ledger, address: str, statement: str) -> None:
    from psycopg.errors import InsufficientPrivilege

    with pytest.raises(InsufficientPrivilege, match="a ledger only grows"):
        _ask(address, statement)
    assert len(written.entries()) == 6


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        (
            "UPDATE {t} SET line = replace(line, 'ada@host', 'eve@host') WHERE seq = 3 AND {m}",
            "entry 3 was changed",
        ),
        ("DELETE FROM {t} WHERE seq = 2 AND {m}", "entry 3 stands where entry 2 should"),
        ("DELETE FROM {t} WHERE seq = 6 AND {m}", "ends with entry 5, but entry 6 was written"),
        ("DELETE FROM {t} WHERE {m}", "ends with entry 0, but entry 6 was written"),
        ("UPDATE {t} SET seq = 99 WHERE seq = 2 AND {m}", "entry 3 stands where entry 2 should"),
        ("DELETE FROM graftline.head WHERE {m}", "its head is lost"),
    ],
)
def test_who_gets_past_the_triggers_is_found(
    written: Ledger, address: str, statement: str, words: str
) -> None:
    told = statement.format(t="graftline.ledger", m=f"model = '{written.model}'")
    _behind_the_triggers(address, told)
    with pytest.raises(StorageError, match=words):
        written.entries()
    with pytest.raises(StorageError, match="damaged"):
        written.append(Note("keep", "eve@host"))


def test_exchanged_entries_are_found(written: Ledger, address: str) -> None:
    """Their places are exchanged, their texts are not."""
    model = f"model = '{written.model}'"
    swap = "; ".join(
        f"UPDATE graftline.ledger SET seq = {to} WHERE seq = {seq} AND {model}"
        for seq, to in ((2, 900), (3, 2), (900, 3))
    )
    _behind_the_triggers(address, swap)
    with pytest.raises(StorageError, match="entry 3 stands where entry 2 should"):
        written.entries()


def test_of_two_who_write_one_entry_one_fails(written: Ledger) -> None:
    last = written.book.lines()[-1]
    with pytest.raises(Busy, match="Somebody else wrote entry 6"):
        written.book.append(last)


def test_a_lagging_head_is_mended(written: Ledger) -> None:
    before = written.book.head()
    seventh = written.append(Note("keep", "ada@host"))
    written.book.set_head(before)
    assert written.entries()[-1] == seventh
    written.append(Note("keep", "ada@host"))
    assert json.loads(written.book.head())["seq"] == 8


def test_a_second_promoter_waits_and_is_told_who_holds_it(
    book: TableBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(table_book.SETTINGS, "lock_timeout", "100ms")
    second = TableBook(book.address, book.model)
    with book.locked(), pytest.raises(Busy, match=rf"holds its lock \({ledger.whoami()}\)"), second.locked():
        pass
    with second.locked(), TableBook(book.address, "another").locked():
        second.held()


def test_whoever_lost_the_session_neither_writes_nor_moves(written: Ledger) -> None:
    book = written.book
    assert isinstance(book, TableBook)
    with book.locked():
        book.held()
        _end_session(book)
        with pytest.raises(Busy, match=r"lock of .* was lost: terminating connection"):
            book.held()
        with TableBook(book.address, book.model).locked(), pytest.raises(Busy, match="was lost"):
            written.append(Note("keep", "ada@host"))
    with book.locked():
        book.held()
    assert len(written.entries()) == 6


@pytest.fixture
def desk(tmp_path: Path, empty_store: Path, book: TableBook) -> Desk:
    """Versions 1 to 3 without files at an embedded store; the ledger and the lock are PostgreSQL's."""
    import shutil

    folder = tmp_path / ".graftline" / "mlflow"
    folder.mkdir(parents=True)
    shutil.copyfile(empty_store, folder / "mlflow.db")
    connection = connect(tmp_path, TrackingParams(model=book.model))
    connection.client.create_registered_model(book.model)
    for _ in range(3):
        connection.client.create_model_version(book.model, (tmp_path / "none").as_uri())
    return Desk(connection, book.model, Guard(Ledger(book, book.model), book.locked, book.held))


class Unverified(Desk):
    """Its versions have no files."""

    def verify(self, version: Version) -> None:
        pass


@pytest.fixture
def one(desk: Desk) -> Desk:
    """Version 1 is champion."""
    desk.__class__ = Unverified
    with desk.locked():
        desk.move(Note("promote", "ada@host", None, ONE, ("first",)))
    return desk


def test_a_session_that_ends_between_lock_and_move_moves_nothing(one: Desk, book: TableBook) -> None:
    """Everything was decided and written; the alias is what is left."""
    with one.locked():
        one.ledger.append(Note("promote", "ada@host", ONE, TWO))
        _end_session(book)
        with pytest.raises(Busy, match="was lost"):
            one._follow(Note("promote", "ada@host", ONE, TWO), TWO)
        assert one.alias(CHAMPION) == "1"
    with one.locked():
        assert one.settle().champion == TWO  # the next command finishes what was decided
    assert one.alias(CHAMPION) == "2"


def test_a_move_that_came_too_late_is_taken_back(
    one: Desk, book: TableBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The session ends after the last look at it; somebody else goes back to 1, and only then the alias moves to 2."""
    client = one.connection.client
    real = client.set_registered_model_alias
    other = Unverified(one.connection, one.name, _guard(book))

    def late(name: str, alias: str, version: str) -> None:
        if (alias, version) == (CHAMPION, "2"):
            _end_session(book)
            with other.locked():
                other.rollback("1", "bob@host", "")
        real(name, alias, version)

    monkeypatch.setattr(client, "set_registered_model_alias", late)
    with one.locked(), pytest.raises(Busy, match="was lost"):
        one.move(Note("promote", "ada@host", ONE, TWO))
    assert one.alias(CHAMPION) == "1"
    assert [entry.note.kind for entry in one.ledger.entries()][-3:] == ["promote", "rollback", "moved"]


def _guard(book: TableBook) -> Guard:
    second = TableBook(book.address, book.model)
    return Guard(Ledger(second, book.model), second.locked, second.held)


RACER = """
import sys
from components.errors import Busy
from components.registry.history import state
from components.registry.ledger import Ledger, Note, Version
from components.registry.table_book import TableBook
address, number = sys.argv[1:]
book = TableBook(address, "raced")
ledger = Ledger(book, "raced")
fence = state(ledger.entries()).fence
print("ready", flush=True)
sys.stdin.readline()
moved = 0
for _ in range(10):
    with book.locked():
        now = state(ledger.entries())
        if now.fence != fence:
            fence = now.fence
            continue
        book.held()
        ledger.append(Note("promote", number, now.champion, Version(str(now.fence), "d")))
        ledger.append(Note("moved", number, now.champion, Version(str(now.fence), "d")))
        moved += 1
        fence = state(ledger.entries()).fence
print(moved)
"""


def test_two_processes_never_decide_about_one_champion(address: str) -> None:
    words = [sys.executable, "-c", RACER, address]
    start = TableBook(address, "raced")
    with start.locked():
        Ledger(start, "raced").append(Note("keep", "ada@host"))  # the key is there
    both = [
        subprocess.Popen([*words, n], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for n in "12"
    ]
    for process in both:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    said: list[str] = []
    threads = [threading.Thread(target=lambda p=p: said.append(p.communicate("go\n")[0])) for p in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    entries = Ledger(start, "raced").entries()
    moves = [entry for entry in entries if entry.note.kind == "moved"]
    assert len(moves) == sum(map(int, said)) > 0
    before = [None, *(move.note.target for move in moves)]
    assert [move.note.source for move in moves] == before[:-1], "each knew the champion that it replaced"


def test_a_role_that_may_only_add_is_enough(postgres: "Cluster") -> None:
    address = postgres.made()
    _ask(
        address,
        f"{Path(table_book.__file__).with_name('ledger.sql').read_text()}"
        "CREATE ROLE promoter LOGIN; GRANT USAGE ON SCHEMA graftline TO promoter;"
        "GRANT SELECT, INSERT ON graftline.ledger TO promoter;"
        "GRANT SELECT, INSERT, UPDATE ON graftline.head TO promoter",
    )
    theirs = address.replace("postgres@", "promoter@")
    book = TableBook(theirs, "cells")
    with book.locked():
        _move(Ledger(book, "cells"), "promote", ONE)
    from psycopg.errors import InsufficientPrivilege

    with pytest.raises(InsufficientPrivilege, match="permission denied"):
        _ask(theirs, "DELETE FROM graftline.ledger")
    with pytest.raises(InsufficientPrivilege, match="must be owner"):
        _ask(theirs, "ALTER TABLE graftline.ledger DISABLE TRIGGER only_grows")


def test_who_may_not_make_the_tables_hears_what_to_do(postgres: "Cluster") -> None:
    address = postgres.made()
    _ask(address, "CREATE ROLE reader LOGIN")
    book = TableBook(address.replace("postgres@", "reader@"), "cells")
    with pytest.raises(RegistryError, match=r"permission denied for database .*ledger\.sql"), book.locked():
        pass


def test_addresses_come_from_the_registry_or_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(guard.DATABASE, raising=False)
    with pytest.raises(RegistryError, match=r"GRAFTLINE_LEDGER_DATABASE=postgresql://"):
        guard.guard(Place("https://mlflow.example.org", None), "cells")
    monkeypatch.setenv(guard.DATABASE, "postgresql://u:canary@127.0.0.1:1/ledger")
    book = guard.guard(Place("https://mlflow.example.org", None), "cells").ledger.book
    with pytest.raises(RegistryError, match=r"postgresql://\*\*\*@127\.0\.0\.1:1/ledger") as caught:
        book.lines()
    assert "canary" not in str(caught.value)
    own = guard.guard(Place("postgresql+psycopg://u@db/mlflow", None), "cells").ledger.book
    assert isinstance(own, TableBook)
    assert own._conninfo == "postgresql://u@db/mlflow"
    assert isinstance(guard.guard(Place("sqlite:////tmp/x.db", None), "cells").ledger.book, FileBook)
