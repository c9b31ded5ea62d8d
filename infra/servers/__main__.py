"""`python -m infra.servers`: up, down, status, backup, restore."""

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from components.ending import guarded
from components.errors import ParamsError
from infra.servers.layout import Layout, layout


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m infra.servers",
        description="PostgreSQL, MLflow, Prefect and a worker on this machine, on loopback, without containers. Their "
        "files lie in .graftline/servers. Each command may be said again at any time.",
        epilog="Exit codes: 0 done (status: all healthy); 1 a server is not healthy; 14 something on the disk; 75 "
        "another command holds the servers. More: docs/operate.md.",
    )
    commands = made.add_subparsers(dest="command", metavar="COMMAND", required=True)
    commands.add_parser("up", help="start what does not run, and mend what does not answer")
    commands.add_parser("down", help="stop everything, runs of the worker included")
    commands.add_parser("status", help="state, address, health, since when, log file")
    saved = commands.add_parser("backup", help="databases, artefacts, ledger, locks; the servers go on")
    saved.add_argument("to", metavar="FOLDER", help="gets a folder graftline-DATE")
    back = commands.add_parser("restore", help="servers from a backup; then `up`")
    back.add_argument("source", metavar="FOLDER", help="a folder graftline-DATE")
    back.add_argument("--force", action="store_true", help="set aside the servers that are there")
    commands.add_parser("launch").add_argument("name")  # supervisord's business
    return made


def main(arguments: Sequence[str] | None = None, root: Path | None = None) -> int:
    options = parser().parse_args(arguments)
    return guarded(lambda: _run(root or Path.cwd(), options), stopped=75)


def _run(root: Path, options: argparse.Namespace) -> int:
    where = layout(root)
    if options.command == "launch":
        from infra.servers.launch import launch

        launch(options.name, where)
    from infra.servers import operate

    if options.command == "up":
        operate.up(where)
        _say(operate.table(operate.status(where)))
        _say([f"For a shell of your own: . {where.environment}"])
    elif options.command == "down":
        operate.down(where)
        _say(["Nothing runs any more."])
    elif options.command == "status":
        return _status(where)
    else:
        _copies(where, options)
    return 0


def _copies(where: Layout, options: argparse.Namespace) -> None:
    """Raises ParamsError where no folder is named, as by a bare `make backup`."""
    from infra.servers.backup import backup, restore

    named = options.to if options.command == "backup" else options.source
    if not named:
        raise ParamsError(
            "No folder is named.", "make backup TO=FOLDER, make restore FROM=FOLDER/graftline-DATE"
        )
    if options.command == "backup":
        _say([f"Backup: {backup(where, Path(named))}"])
    else:
        restore(where, Path(named), options.force)
        _say(["Restored. Start the servers: make up"])


def _status(where: Layout) -> int:
    from infra.servers import operate

    rows = operate.status(where)
    _say(operate.table(rows) if rows else ["No servers here yet: make up"])
    return 0 if rows and all(row.well for row in rows) else 1


def _say(lines: Iterable[str]) -> None:
    for line in lines:
        sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
