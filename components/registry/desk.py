"""The one place where the alias `champion` moves: a lock, the ledger, and bytes that were looked at again.

A move is decided in the ledger, then the alias follows, then the ledger says so. Whoever dies in between leaves a
move that the next command finishes. An alias that differs from the ledger for any other reason was moved by
somebody else: that is said, and nothing more happens until a person has decided.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from components.errors import Busy, GateRefused
from components.params.operation import TrackingParams
from components.params.scoring import CHAMPION
from components.registry.contents import PATIENCE, VersionFiles, fetched, verify
from components.registry.guard import Guard, guard
from components.registry.history import (
    CHALLENGE,
    CLEAR,
    MOVED,
    REJECT,
    State,
    never_champion,
    not_waiting,
    served,
    state,
)
from components.registry.ledger import Entry, Note, Version
from components.registry.register import FOLDER_TAG, SAMPLES_TAG, find
from components.registry.serving import BACK, foreign
from components.registry.store import Connection, connect, is_absent, locate

T = TypeVar("T")

DIRTY = "graftline.git_dirty"
CHALLENGER = "challenger"


@dataclass(frozen=True)
class Listed:
    """A version as the registry lists it: to be believed where it forbids, never where it allows."""

    number: str
    tags: Mapping[str, str]

    @property
    def samples(self) -> str:
        """SHA-256 of its list of samples; empty where it has none."""
        return self.tags.get(SAMPLES_TAG, "")

    @property
    def folder(self) -> str:
        """Digest of all its files; empty where it was registered before there was one."""
        return self.tags.get(FOLDER_TAG, "")

    @property
    def dirty(self) -> str:
        """`true` where uncommitted changes were there at the training or at the registration, `false`, or empty."""
        return self.tags.get(DIRTY, "")


class Desk:
    """Model `name` at the registry, with its guard. What moves something asks for `locked` around it."""

    def __init__(self, connection: Connection, name: str, guarded: Guard) -> None:
        self.connection = connection
        self.name = name
        self.ledger = guarded.ledger
        self.locked = guarded.lock
        self._held = guarded.held

    def state(self) -> State:
        return state(self.ledger.entries())

    def find(self, digest: str) -> Listed | None:
        """The version of a release; its tags over those of the run that made it."""
        found = self._ask(lambda: find(self.connection, self.name, digest))
        if found is None:
            return None
        run, run_id = {}, found.run_id
        if run_id:
            run = self._ask(lambda: self.connection.client.get_run(run_id)).data.tags
        tags = {**run, **found.tags}
        if "true" in (run.get(DIRTY), found.tags.get(DIRTY)):
            tags[DIRTY] = "true"  # a commit after the training does not change what was trained
        return Listed(str(found.version), tags)

    def alias(self, which: str) -> str | None:
        """Number of the version that the alias points to."""

        def ask() -> dict[str, str]:
            try:
                return dict(self.connection.client.get_registered_model(self.name).aliases)
            except Exception as error:
                if is_absent(error):
                    return {}
                raise

        found = self._ask(ask).get(which)
        return None if found is None else str(found)

    def fetched(self, version: Version) -> AbstractContextManager[VersionFiles]:
        """As `registry.contents.fetched`."""
        return fetched(self.connection, self.name, version)

    def verify(self, version: Version) -> str:
        """As `registry.contents.verify`."""
        return verify(self.connection, self.name, version)

    def settle(self) -> State:
        """Finish the move that somebody who died had decided. Raises RegistryError where the alias is foreign."""
        now, alias = self.state(), self.alias(CHAMPION)
        serving = now.champion.number if now.champion else None
        if now.unfinished is None or now.coming is None:
            if alias != serving:
                raise foreign(self.name, alias, serving)
            self._show(now.waiting)
            return now
        if alias not in (serving, now.coming.number):
            raise foreign(self.name, alias, serving)
        if alias != now.coming.number:
            self.verify(now.coming)
        self._follow(now.unfinished.note, now.coming)
        return self.state()

    def note_once(self, note: Note) -> None:
        """A ruling that moves nothing; the same one again is no news."""
        entries = self.ledger.entries()
        if not entries or entries[-1].note != note:
            self.ledger.append(note)

    def challenge(self, note: Note) -> None:
        """Let the version of `note` wait for a person."""
        assert note.target is not None
        self.verify(note.target)
        self.note_once(replace(note, kind=CHALLENGE))
        self._point(CHALLENGER, note.target)

    def move(self, note: Note) -> None:
        """Make the target of `note`, a promotion or rollback, the champion: the alias moves after all else."""
        assert note.target is not None
        if note.kind != "rollback":
            self._point(CHALLENGER, note.target)
        self.verify(note.target)
        self.ledger.append(note)
        self._follow(note, note.target)

    def approve(self, number: str, who: str, words: str) -> State:
        """Answer the challenge of version `number` with yes. Raises GateRefused where it does not wait."""
        now = self.settle()
        if now.champion and now.champion.number == number:
            return now
        waiting = self._waiting(now, number)
        facts = {**waiting.note.facts, "proposed_by": waiting.note.who, "challenge": waiting.seq}
        reasons = (*waiting.note.reasons, f"approved by {who}{': ' if words else ''}{words}")
        self.move(replace(waiting.note, kind="promote", who=who, reasons=reasons, facts=facts))
        return self.state()

    def reject(self, number: str, who: str, words: str) -> None:
        """Answer it with no."""
        waiting = self._waiting(self.settle(), number)
        reasons = (f"rejected by {who}{': ' if words else ''}{words}",)
        self._drop_challenger()
        self.ledger.append(replace(waiting.note, kind=REJECT, who=who, reasons=reasons, facts={}))

    def rollback(self, number: str | None, who: str, words: str) -> State:
        """Back to version `number`, or to the one that served before; whatever the alias says now.

        One that was killed behind its move of the alias is finished, and goes no further back.
        Raises GateRefused where there is nothing to go back to, or the version never served.
        """
        now, alias, finished = self._taken_up()
        if number is None and finished and finished.kind == "rollback":
            return now
        target = self._target(now, number)
        reasons = (words,) if words else ()
        note = Note("rollback", who, now.champion, target, reasons, {"alias": alias})
        self.move(note)
        return self.state()

    def clear(self, who: str) -> str | None:
        """Take the alias from the version that has it, where the ledger says that nothing serves; its number.

        Raises GateRefused where a version serves: the alias goes back to that one.
        """
        now, alias = self.state(), self.alias(CHAMPION)
        if serving := now.coming or now.champion:
            raise GateRefused(
                f"The ledger says that {self.name} version {serving.number} serves.",
                BACK.format(number=serving.number),
            )
        if alias is not None:
            self.note_once(Note(CLEAR, who, facts={"alias": alias}))
            self._held()
            self._ask(lambda: self.connection.client.delete_registered_model_alias(self.name, CHAMPION))
        return alias

    def _taken_up(self) -> tuple[State, str | None, Note | None]:
        """How it stands, the alias, and the move that was finished here, if any.

        A move that reached the alias did serve; one that did not is overtaken by what comes now.
        """
        now, alias = self.state(), self.alias(CHAMPION)
        if now.unfinished is None or now.coming is None or alias != now.coming.number:
            return now, alias, None
        self._follow(now.unfinished.note, now.coming)
        return self.state(), alias, now.unfinished.note

    def _target(self, now: State, number: str | None) -> Version:
        if number is None:
            if not now.earlier:
                raise GateRefused(f"No version of {self.name} served before: there is nothing to go back to.")
            return now.earlier[-1]
        known = served(self.ledger.entries())
        if number not in known:
            raise never_champion(self.name, number, known)
        return known[number]

    def _waiting(self, now: State, number: str) -> Entry:
        waiting = now.waiting
        if waiting is None or waiting.note.target is None or waiting.note.target.number != number:
            raise not_waiting(self.name, number, waiting.note.target if waiting else None)
        return waiting

    def _follow(self, note: Note, target: Version) -> None:
        self._point(CHAMPION, target)
        try:
            self.ledger.append(Note(MOVED, note.who, note.source, target))
        except Busy:  # the lock was lost around the move, which may have come too late
            with self.locked():
                self._take_back(target)
            raise
        self._drop_challenger()

    def _take_back(self, target: Version) -> None:
        """Our own move of the alias to `target`, where somebody else made another one before it arrived."""
        now, alias = self.state(), self.alias(CHAMPION)
        if now.champion and now.unfinished is None and alias == target.number != now.champion.number:
            self._point(CHAMPION, now.champion)

    def _point(self, alias: str, target: Version) -> None:
        client = self.connection.client

        def point() -> None:
            self._held()  # at each attempt: between two of them the lock may be lost
            client.set_registered_model_alias(self.name, alias, target.number)

        self._ask(point)

    def _show(self, waiting: Entry | None) -> None:
        """The alias of what waits, and none where nothing does, in case that somebody died before it."""
        target = waiting.note.target if waiting else None
        if target is None:
            self._drop_challenger()
        elif self.alias(CHALLENGER) != target.number:
            self._point(CHALLENGER, target)

    def _drop_challenger(self) -> None:
        client = self.connection.client
        if self.alias(CHALLENGER) is not None:
            self._ask(lambda: client.delete_registered_model_alias(self.name, CHALLENGER))

    def _ask(self, call: Callable[[], T], patience: float = PATIENCE) -> T:
        return self.connection.ask(call, patience)


def open_desk(root: Path, tracking: TrackingParams) -> Desk:
    """Raises RegistryError where the registry cannot be reached, or is shared and has no lock."""
    guarded = guard(locate(root, tracking), tracking.model)
    return Desk(connect(root, tracking), tracking.model, guarded)
