"""`python -m flows.promote`: who is champion, and who was.

No Prefect here, so that a rollback takes seconds; in the scheduled training the comparison is the flow's last step.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from flows.command import RESUMABLE, guarded

if TYPE_CHECKING:
    from components.params import Params
    from components.registry.desk import Desk
    from components.registry.history import State

COMMANDS = {
    "history": "what was ruled and moved, the oldest first",
    "at": "what was serving at an instant",
    "rollback": "put back the version that served before; works at any time",
    "approve": "make a version champion that waits for approval (promotion.approval: required)",
    "reject": "turn a version down that waits for approval",
    "clear": "take the alias from a version that no entry of the ledger made champion, so that a promotion can begin",
    "verify": "check the ledger, the alias, and the files of the champion and of the one before",
}
CODES = {"promote": 0, "champion": 0, "refused": 3, "keep": 4, "inconclusive": 5, "waits": 6}


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m flows.promote",
        usage="%(prog)s [-h] [COMMAND ...]",  # argparse would call the command required
        description="Compares the registered release of this folder with the champion, both on the test samples that "
        "lie here, and moves the alias `champion` if it is better, or as good and trained on newer data. Every "
        "ruling and every move is kept in a signed ledger.",
        epilog="Exit codes: 0 the release is champion, or the command is done; 2 params.yaml or the command is wrong; "
        "3 refused; 4 the champion is kept; 5 inconclusive; 6 waits for approval; 11 files at the registry are not "
        "those that the ledger names; 14 the ledger is damaged; 20 the registry cannot be used; 75 busy, overtaken or "
        "stopped, the same command resumes; others: see components/errors.py. More: docs/gates.md.",
    )
    commands = made.add_subparsers(dest="command", metavar="COMMAND", prog=made.prog)
    added = {
        name: commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        for name, text in COMMANDS.items()
    }
    added["at"].add_argument("time", metavar="TIME", help="2026-11-01T12:00, UTC unless an offset is given")
    added["rollback"].add_argument("--to", metavar="VERSION", help="another version that was champion once")
    for name in ("approve", "reject"):
        added[name].add_argument("version", metavar="VERSION")
    for name in ("rollback", "approve", "reject"):
        added[name].add_argument("--note", metavar="TEXT", default="", help="why; it is kept")
    return made


def main(arguments: Sequence[str] | None = None, root: Path | None = None) -> int:
    options = parser().parse_args(arguments)
    folder = (root or Path.cwd()).resolve()
    return guarded(lambda: _run(folder, options))


def _run(root: Path, options: argparse.Namespace) -> int:
    from components.params import load_params
    from flows.engine import prepare_environment

    params = load_params(root / "params.yaml")
    prepare_environment(root)
    if options.command is None:
        return _promote(root, params)
    if options.command in ("history", "at"):
        return _look(root, params, options)
    _refuse_unknown(root, params, options)
    from components.registry.desk import open_desk

    desk = open_desk(root, params.tracking)
    if options.command == "verify":
        return _verify(desk)
    with desk.locked():
        _say(_decide(desk, options))
    return 0


def _refuse_unknown(root: Path, params: "Params", options: argparse.Namespace) -> None:
    """A version that the ledger does not know as what it must be: it is read without MLflow, which takes seconds."""
    from components.registry.guard import read_ledger
    from components.registry.history import refuse_never_champion, refuse_not_waiting

    if options.command == "rollback" and options.to is not None:
        refuse_never_champion(params.tracking.model, read_ledger(root, params.tracking), options.to)
    if options.command in ("approve", "reject"):
        refuse_not_waiting(params.tracking.model, read_ledger(root, params.tracking), options.version)


def _promote(root: Path, params: "Params") -> int:
    from components.runtime.distribution import check_distribution
    from components.stages.artefacts import require
    from flows.workspace import held

    require(root, ["release"], "promote", "make run")
    check_distribution()
    from components.stages.promote import promote
    from flows.standing import ruling_lines

    with held(root):  # nothing may rewrite release/ meanwhile
        done = promote(root, params)
    _say(ruling_lines(done))
    return CODES[done.outcome]


def _look(root: Path, params: "Params", options: argparse.Namespace) -> int:
    from components.registry.guard import read_ledger
    from flows.standing import at_lines, history_lines, instant

    when = instant(options.time) if options.command == "at" else None
    entries = read_ledger(root, params.tracking)
    _say(history_lines(entries) if when is None else at_lines(entries, when))
    return 0


def _decide(desk: "Desk", options: argparse.Namespace) -> Iterator[str]:
    from components.registry.ledger import whoami

    who = whoami()
    if options.command == "reject":
        desk.reject(options.version, who, options.note)
        yield f"{desk.name} version {options.version} is rejected."
        return
    if options.command == "clear":
        taken = desk.clear(who)
        yield f"No version of {desk.name} is champion now{f'; version {taken} was' if taken else ''}."
        return
    if options.command == "approve":
        now = desk.approve(options.version, who, options.note)
    else:
        now = desk.rollback(options.to, who, options.note)
    yield f"{desk.name} version {_champion(now)} is champion now."


def _verify(desk: "Desk") -> int:
    """Raises StorageError (the ledger), RegistryError (the alias), DigestMismatch (files)."""
    with desk.locked():
        entries, now = desk.ledger.entries(), desk.state()
        if now.unfinished is None:
            desk.settle()  # moves nothing: it compares alias and ledger
    both = (*([now.champion] if now.champion else []), *now.earlier[-1:])
    covered = {version.number: desk.verify(version) for version in both}
    head = f"entry {entries[-1].seq}, {entries[-1].hash}" if entries else "empty"
    lines = [f"The ledger of {desk.name} is whole. Its head: {head}."]
    if entries:
        lines.append(f"Signed by key {entries[-1].key}.")
    if now.champion:
        number = now.champion.number
        lines.append(
            f"Champion: version {number}, with the files that were promoted (covered: {covered[number]})."
        )
    if now.earlier:
        number = now.earlier[-1].number
        lines.append(
            f"A rollback would bring back version {number}, whose files are right (covered: {covered[number]})."
        )
    if now.coming:
        lines.append(
            f"The move to version {now.coming.number} was decided and not finished: run `python -m flows.promote` to "
            "finish it, or roll back."
        )
    _say(lines)
    return RESUMABLE if now.unfinished else 0


def _champion(now: "State") -> str:
    return now.champion.number if now.champion else "none"


def _say(lines: "Iterator[str] | Sequence[str]") -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))


if __name__ == "__main__":
    sys.exit(main())
