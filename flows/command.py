"""How every command of this folder ends: signals unwind it, and Prefect's states become exit codes."""

from argparse import ArgumentParser
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from components import ending
from components.errors import GateRefused
from flows.processes import stoppable

if TYPE_CHECKING:
    from prefect import State

RESUMABLE = 75
end = ending.tell


def guarded(run: Callable[[], int], next_time: str = "resumes") -> int:
    """The exit code of `run`, which SIGTERM ends like Ctrl-C; errors are told as `components.ending` tells them.

    Args:
        next_time: what the same command does after it was stopped.
    """

    def stoppably() -> int:
        with stoppable():
            return run()

    return ending.guarded(stoppably, RESUMABLE, next_time)


class Ended(Exception):
    """Why a flow failed: Prefect raises it where a worker ran the flow, so that the log ends with these words."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


def table_arguments(parser: ArgumentParser) -> None:
    """How an input that is a table is read; `--path` and `--content` are each command's own."""
    parser.add_argument("--id", metavar="COLUMN", help="of a table: names of the rows (default: the path)")
    parser.add_argument("--files", metavar="FOLDER", help="where a table's paths begin (default: beside it)")
    parser.add_argument(
        "--separator",
        metavar="CHARACTER",
        help="of a table: what separates its columns; or tab, or whitespace",
    )
    parser.add_argument(
        "--header", metavar="A,B,…", help="of a table without a header: the names of its columns"
    )


def failed(name: str, message: str, code: int) -> "State[Any]":
    """The state of a flow whose command ends with `code`."""
    from prefect.states import Failed

    return Failed(name=name, message=message, data=Ended(f"{name}: {message}", code))


def failed_by(error: Exception) -> "State[Any]":
    """The state that an error ends a flow in."""
    ours = ending.as_graftline_error(error)
    name = "GateFailed" if isinstance(ours, GateRefused) else type(ours).__name__
    return failed(name, str(ours), ours.exit_code)


def code_of(state: "State[Any]") -> int:  # a flow that returns a state is typed as a state of it
    """The exit code that a flow's state holds. What the flow itself did not expect is raised here."""
    data = state.result(raise_on_failure=False)
    if isinstance(data, Ended):
        return data.code
    if isinstance(data, BaseException):
        raise data
    return data if isinstance(data, int) else 1
