"""What the ledger's entries say together: what serves, what served at an instant, what is unfinished or waits.

Kinds of entries: `promote` and `rollback` decide a move, `moved` says that the alias followed, `challenge` waits for a
person, `reject` is that person's no, `clear` takes the alias from a version that no entry names; `keep`,
`inconclusive` and `refused` move nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from components.errors import GateRefused
from components.registry.ledger import Entry, Version

MOVES = ("promote", "rollback")
MOVED, CHALLENGE, REJECT, CLEAR = "moved", "challenge", "reject", "clear"


@dataclass(frozen=True)
class State:
    """Where a ledger stands.

    Attributes:
        serving: the entry `moved` of the version that the alias should point to.
        unfinished: a move that was decided, and of which nobody said that it was made.
        waiting: a challenge that nobody has answered.
        earlier: versions below the serving one, as rollbacks would reach them: the nearest last.
    """

    serving: Entry | None = None
    unfinished: Entry | None = None
    waiting: Entry | None = None
    earlier: tuple[Version, ...] = ()

    @property
    def champion(self) -> Version | None:
        return self.serving.note.target if self.serving else None

    @property
    def coming(self) -> Version | None:
        """What the unfinished move makes the champion."""
        return self.unfinished.note.target if self.unfinished else None

    @property
    def fence(self) -> int:
        """Grows with every move: whoever decided before the last one decided about another champion."""
        moves = [entry.seq for entry in (self.serving, self.unfinished) if entry]
        return max(moves, default=0)


def state(entries: Sequence[Entry]) -> State:
    serving = unfinished = waiting = None
    stack: list[Version] = []
    for entry in entries:
        if entry.note.kind in MOVES:
            unfinished, waiting = entry, None
        elif entry.note.kind == MOVED and unfinished is not None and entry.note.target is not None:
            _stack(stack, entry.note.target, back=unfinished.note.kind == "rollback")
            serving, unfinished = entry, None
        elif entry.note.kind == CHALLENGE:
            waiting = entry
        elif entry.note.kind == REJECT:
            waiting = None
    return State(serving, unfinished, waiting, tuple(stack[:-1]))


def _stack(stack: list[Version], target: Version, back: bool) -> None:
    """A promotion lies on top of what it replaced; a rollback takes off what lay above its target."""
    if back and target in stack:
        del stack[stack.index(target) + 1 :]
    elif not stack or stack[-1] != target:
        stack.append(target)


def at(entries: Sequence[Entry], when: str) -> State:
    """How it stood at `when` (UTC, as entries write it)."""
    return state([entry for entry in entries if entry.at <= when])


def served(entries: Sequence[Entry]) -> dict[str, Version]:
    """Every version that was ever champion, by number."""
    found = [e.note.target for e in entries if e.note.kind == MOVED and e.note.target is not None]
    return {version.number: version for version in found}


def refuse_never_champion(name: str, entries: Sequence[Entry], number: str) -> None:
    """Raise GateRefused where version `number` never served, and no unfinished move makes it serve."""
    known = served(entries)
    coming = state(entries).coming
    if number in known or (coming and coming.number == number):
        return
    raise never_champion(name, number, known)


def never_champion(name: str, number: str, known: Iterable[str]) -> GateRefused:
    allowed = ", ".join(sorted(known, key=int)) or "none yet"
    return GateRefused(f"{name} version {number} was never champion.", f"Versions that were: {allowed}.")


def refuse_not_waiting(name: str, entries: Sequence[Entry], number: str) -> None:
    """Raise GateRefused where version `number` neither waits for approval nor is champion, or is about to be."""
    now = state(entries)
    waiting = now.waiting.note.target if now.waiting else None
    if number in {version.number for version in (waiting, now.champion, now.coming) if version}:
        return
    raise not_waiting(name, number, waiting)


def not_waiting(name: str, number: str, waiting: Version | None) -> GateRefused:
    return GateRefused(
        f"{name} version {number} does not wait for approval (waiting: {waiting.number if waiting else 'none'}).",
        "If the champion has changed since it was proposed, run: python -m flows.promote",
    )


def rolled_back(entries: Sequence[Entry]) -> set[str]:
    """Numbers of versions that a rollback took from their place, and that none brought back since."""
    taken: set[str] = set()
    for entry in entries:
        if entry.note.kind not in MOVES or entry.note.target is None:
            continue
        if entry.note.kind == "rollback" and entry.note.source is not None:
            taken.add(entry.note.source.number)
        taken.discard(entry.note.target.number)
    return taken
