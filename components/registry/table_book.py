"""A ledger in PostgreSQL: a table that refuses changes, and a lock that lives as long as the session that holds it.

The lock is a session's advisory lock. A session that ends, however it ends, gives it to the next promoter: so whoever
holds it asks before each move whether the session is still there (`held`), and writes entries through it alone.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from components.errors import Busy, RegistryError, redact
from components.registry.ledger import whoami
from components.registry.store import reason
from components.storage.publish import sha256_bytes

if TYPE_CHECKING:
    from psycopg import Connection

    Session = Connection[tuple[object, ...]]

WAIT = 60  # seconds for another promotion to make its move
# A host that vanished loses its session, and with it the lock, within a minute; one that verifies files may be silent.
SETTINGS = {
    "lock_timeout": f"{WAIT}s",
    "idle_session_timeout": "0",
    "synchronous_commit": "on",
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
}
HELD = (
    "FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND granted "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
    "AND (classid::bigint << 32) + objid::bigint = %s"
)
MAKING = 7_102_837_441_003  # the lock of whoever makes the tables; any number but a model's


class TableBook:
    """The `ledger.Book` of `model` in the PostgreSQL at `address`, with the lock that keeps promoters apart."""

    def __init__(self, address: str, model: str) -> None:
        self.address = address
        self.model = model
        # 63 bits: `pg_locks` shows them as two unsigned halves.
        self.key = int(sha256_bytes(f"graftline ledger {model}".encode())[:16], 16) >> 1
        self._held: Session | None = None

    def __str__(self) -> str:
        return redact(self.address)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock, and make the tables where there are none. Raises Busy where somebody else keeps it."""
        from psycopg.errors import LockNotAvailable

        before = self._held
        with self._said(None), self._connected() as session:
            self._make_tables(session)
            try:
                session.execute("SELECT pg_advisory_lock(%s)", (self.key,))
            except LockNotAvailable:
                raise Busy(
                    f"Another promotion of {self.model} holds its lock ({self._holder(session)}).",
                    "Wait for it, or stop it.",
                ) from None
            self._held = session
            try:
                yield
            finally:
                self._held = before

    def held(self) -> None:
        """Raises Busy unless the lock is still this session's: whoever lost it must not move anything."""
        with self._session() as session:
            row = session.execute(
                f"SELECT count(*) {HELD} AND pid = pg_backend_pid()", (self.key,)
            ).fetchone()
        if not row or not row[0]:
            raise self._lost("it is held by nobody, or by somebody else")

    def lines(self) -> Sequence[bytes]:
        with self._session() as session:
            if not self._has_tables(session):
                return []
            rows = session.execute(
                "SELECT line FROM graftline.ledger WHERE model = %s ORDER BY seq", (self.model,)
            )
            return [str(line).encode() for (line,) in rows]

    def append(self, line: bytes) -> None:
        from psycopg.errors import UniqueViolation

        seq = json.loads(line)["seq"]
        with self._session() as session:
            self._make_tables(session)
            try:
                session.execute(
                    "INSERT INTO graftline.ledger (model, seq, line) VALUES (%s, %s, %s)",
                    (self.model, seq, line.decode()),
                )
            except UniqueViolation:
                raise Busy(
                    f"Somebody else wrote entry {seq} of {self.model}'s ledger.",
                    "Run the same command again.",
                ) from None

    def head(self) -> bytes:
        with self._session() as session:
            if not self._has_tables(session):
                return b""
            row = session.execute(
                "SELECT head FROM graftline.head WHERE model = %s", (self.model,)
            ).fetchone()
            return str(row[0]).encode() if row else b""

    def set_head(self, head: bytes) -> None:
        with self._session() as session:
            session.execute(
                "INSERT INTO graftline.head (model, head) VALUES (%s, %s) "
                "ON CONFLICT (model) DO UPDATE SET head = excluded.head",
                (self.model, head.decode()),
            )

    @contextmanager
    def _session(self) -> Iterator["Session"]:
        """The one that holds the lock; without a lock, one of its own."""
        held = self._held
        with self._said(held):
            if held is not None:
                yield held
                return
            with self._connected() as session:
                yield session

    @contextmanager
    def _connected(self) -> Iterator["Session"]:
        import psycopg

        options = " ".join(f"-c {name}={value}" for name, value in SETTINGS.items())
        session = psycopg.connect(
            self._conninfo,
            autocommit=True,
            connect_timeout=10,
            options=options,
            application_name=whoami()[:63],
        )
        try:
            yield session
        finally:
            session.close()

    @contextmanager
    def _said(self, held: "Session | None") -> Iterator[None]:
        """The driver's errors as ours: of a session that ended with the lock, Busy; RegistryError otherwise."""
        import psycopg

        try:
            yield
        except psycopg.Error as error:
            if held is not None and held.closed:
                raise self._lost(reason(error)) from None
            raise RegistryError(
                f"The ledger of {self.model} in {self} cannot be used: {reason(error)}.",
                "Check the address, and what its role may do: components/registry/ledger.sql.",
            ) from error

    def _lost(self, why: str) -> Busy:
        return Busy(
            f"The lock of {self.model}'s promotion was lost: {why}.",
            "Nothing is moved without it. The same command continues where this one stopped.",
        )

    def _make_tables(self, session: "Session") -> None:
        if self._has_tables(session):
            return
        with session.transaction():
            session.execute("SELECT pg_advisory_xact_lock(%s)", (MAKING,))
            session.execute(Path(__file__).with_name("ledger.sql").read_bytes())

    def _has_tables(self, session: "Session") -> bool:
        row = session.execute("SELECT to_regclass('graftline.head')").fetchone()
        return bool(row and row[0])

    def _holder(self, session: "Session") -> str:
        query = f"SELECT application_name FROM pg_stat_activity WHERE pid IN (SELECT pid {HELD})"  # noqa: S608 - ours
        row = session.execute(query, (self.key,)).fetchone()
        return str(row[0]) if row and row[0] else "unknown"

    @cached_property
    def _conninfo(self) -> str:
        """SQLAlchemy's `postgresql+driver:` as the database itself writes it."""
        scheme, sign, rest = self.address.partition("://")
        return f"{scheme.partition('+')[0]}{sign}{rest}"
