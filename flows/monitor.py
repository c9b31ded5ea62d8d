"""`python -m flows.monitor`: does what comes in still look like what the model was judged on?

With a Prefect server of one's own (PREFECT_API_URL) the look is a flow run and a drift an event there; without one
nothing of Prefect is started, and the command says what to run.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from components.errors import ParamsError
from flows.command import code_of, end, guarded, table_arguments

if TYPE_CHECKING:
    from components.params import Params

DRIFT = 4


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m flows.monitor",
        description="Compares a window of inputs with the reference of the registered version that answers them: "
        "embeddings (MMD), classes, confidence and statistics of the samples, with one rate of false alarms "
        "(section monitoring of params.yaml); and estimates the accuracy without labels, or measures it with them.",
        epilog="`python -m flows.monitor reference` makes the reference of a version that was registered without one. "
        "Exit codes: 0 no drift; 4 drift; 2 the command or params.yaml is wrong; 10 inputs are not those that were "
        "scored; 11 files at the registry are not those that it names; 12 too few samples, or they cannot be used; 14 "
        "the scoring job is not finished; 20 the registry, or no reference; 75 busy or stopped; others: see "
        "components/errors.py. More: docs/monitoring.md.",
    )
    made.add_argument("command", nargs="?", choices=["reference"], help="make the reference of a version")
    made.add_argument(
        "--scored", metavar="FOLDER", help="what flows.score wrote (with --embeddings, or with --input)"
    )
    made.add_argument(
        "--input",
        metavar="INPUT",
        help="a folder, a table or s3://BUCKET/PREFIX: what was scored, or what is to be",
    )
    model = made.add_mutually_exclusive_group()
    model.add_argument("--alias", metavar="NAME", help="the version with that alias (default: champion)")
    model.add_argument("--version", type=int, metavar="N", help="that version")
    sample = made.add_mutually_exclusive_group()
    sample.add_argument("--path", metavar="COLUMN", help="of a table: names of files (default: path)")
    sample.add_argument("--content", metavar="COLUMN", help="of a table: the samples themselves")
    table_arguments(made)
    made.add_argument("--labels", metavar="TABLE", help="columns id and label: the accuracy is measured, too")
    return made


def main(arguments: Sequence[str] | None = None, root: Path | None = None) -> int:
    values = vars(parser().parse_args(arguments))
    folder = (root or Path.cwd()).resolve()
    return guarded(lambda: _run(folder, values.pop("command"), values), "begins again")


def _run(root: Path, command: str | None, values: dict[str, object]) -> int:
    """What is wrong with the command, the inputs or the version is said before anything slow is imported or started."""
    from components.params import load_params
    from components.params.watching import read_look
    from components.registry.fetch import look_up
    from components.runtime.distribution import check_distribution
    from components.stages.before import open_look
    from flows.engine import prepare_environment

    params = load_params(root / "params.yaml")
    if command == "reference":
        return _reference(root, params, values)
    look = read_look(values)
    prepare_environment(root)
    open_look(root, look)
    check_distribution()
    if look.scored is None:
        look_up(root, params.tracking, *look.chosen)
    if os.environ.get("PREFECT_API_URL"):
        return _as_flow(root, values)
    from components.stages.monitor import monitor
    from flows.drift import headline, lines
    from flows.handover import by_hand

    found = monitor(root, params, look)
    sys.stdout.write("".join(f"{line}\n" for line in (headline(found), *lines(found))))
    if not found.alarm:
        return 0
    sys.stdout.write(f"Nothing starts by itself without a Prefect server. {by_hand(found.window)}\n")
    return DRIFT


def _reference(root: Path, params: "Params", values: dict[str, object]) -> int:
    from components.params.scoring import CHAMPION
    from components.runtime.distribution import check_distribution
    from components.stages.reference import make_reference
    from flows.engine import prepare_environment

    given = [name for name, value in values.items() if value is not None and name not in ("alias", "version")]
    if given:
        raise ParamsError(f"`reference` takes no --{given[0]}.", "Allowed: --alias or --version.")
    prepare_environment(root)
    check_distribution()
    version, alias = values["version"], values["alias"]
    number = None if version is None else str(version)
    sys.stdout.write(f"{make_reference(root, params, number, str(alias or CHAMPION))}\n")
    return 0


def _as_flow(root: Path, values: dict[str, object]) -> int:
    from flows.server import temporary_server

    with temporary_server() as ready:
        ready()  # the one that is named: within a minute
        from flows.watch import watch

        state = watch(values, str(root), return_state=True)
    code = code_of(state)
    if state.is_completed():
        sys.stdout.write(f"{state.message}\n")
        return code
    return end(f"error: {state.message}", code)


if __name__ == "__main__":
    sys.exit(main())
