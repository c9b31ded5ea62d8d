"""What a promotion, and the ledger, say to people."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from components.errors import ParamsError
from components.registry import history
from components.registry.ledger import Entry, Version
from flows.markdown import cell, row

if TYPE_CHECKING:
    from components.stages.promote import Promotion

MARKS = {"pass": "pass", "fail": "FAIL", "inconclusive": "?", "not judged": "-"}


def headline(done: "Promotion") -> str:
    """The outcome in one sentence."""
    stays = f"version {done.champion} stays champion" if done.champion else "nothing is champion"
    return {
        "promote": f"version {done.candidate} is champion now",
        "champion": f"version {done.candidate} is champion already",
        "waits": f"version {done.candidate} waits for approval: python -m flows.promote approve {done.candidate}",
        "keep": f"{stays}, version {done.candidate} does not replace it",
        "inconclusive": f"{stays}, version {done.candidate} is not shown to be good enough",
        "refused": f"version {done.candidate} is refused, {stays}",
    }[done.outcome]


def ruling_lines(done: "Promotion") -> Iterator[str]:
    yield f"Promotion: {headline(done)}"
    for rule in done.ruling.rules:
        yield f"  {MARKS.get(rule.outcome, '?'):<5} {rule.rule:<52} {rule.evidence}"
    for reason in done.ruling.reasons:
        yield f"  because {reason}"


def ruling_markdown(done: "Promotion") -> str:
    """For Prefect's artifacts."""
    reasons = "\n".join(f"- {cell(reason)}" for reason in done.ruling.reasons)
    rows = "".join(row(rule.outcome, rule.rule, rule.evidence) for rule in done.ruling.rules)
    table = f"\n| outcome | candidate against champion | evidence |\n|---|---|---|\n{rows}" if rows else ""
    return f"# {done.ruling.outcome}: {headline(done)}\n\n{reasons}\n{table}"


def history_lines(entries: Sequence[Entry]) -> Iterator[str]:
    """One line an entry, the oldest first."""
    if not entries:
        yield "Nothing was promoted yet."
        return
    yield f"{'':>4}  {'at (UTC)':<20}  {'what':<12}  {'from → to':<10}  {'who':<20}  why"
    for entry in entries:
        note = entry.note
        move = f"{_number(note.source)} → {_number(note.target)}"
        why = note.reasons[0] if note.reasons else ""
        more = f" (and {len(note.reasons) - 1} more)" if len(note.reasons) > 1 else ""
        yield f"{entry.seq:>4}  {entry.at:<20}  {note.kind:<12}  {move:<10}  {note.who:<20}  {why}{more}".rstrip()


def at_lines(entries: Sequence[Entry], when: str) -> Iterator[str]:
    """What served at `when`, since when, and by whose decision."""
    then = history.at(entries, when)
    serving = then.serving
    if serving is None or serving.note.target is None:
        yield f"{when}: nothing served."
    else:
        version = serving.note.target
        yield f"{when}: version {version.number}, champion since {serving.at}"
        yield f"  release  {version.digest}"
        decided = next(e for e in reversed(entries[: serving.seq]) if e.note.kind in history.MOVES)
        yield f"  decided  {decided.note.kind} by {decided.note.who} at {decided.at}"
        yield from (f"  because  {reason}" for reason in decided.note.reasons)
    if then.unfinished:
        yield f"  A move to version {_number(then.coming)} was decided and not made yet."


def instant(text: str) -> str:
    """An ISO time as the ledger writes it; without an offset it is UTC.

    Raises ParamsError where it is none.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ParamsError(
            f"{text!r} is no time.", "Write 2026-11-01T12:00, UTC, or with an offset."
        ) from None
    moved = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    return moved.strftime("%Y-%m-%dT%H:%M:%SZ")


def _number(version: Version | None) -> str:
    return version.number if version else "-"
