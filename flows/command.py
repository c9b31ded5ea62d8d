"""How every command of this folder ends: its exit code, and one line on stderr where something is wrong."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from components.errors import GraftlineError

if TYPE_CHECKING:
    from prefect import State

RESUMABLE = 75


def guarded(run: Callable[[], int], next_time: str = "goes on") -> int:
    """The exit code of `run`; errors of ours and signals are told, the rest is raised.

    Args:
        next_time: what the same command does after it was stopped.
    """
    from flows.engine import Stopped, stoppable

    try:
        with stoppable():
            return run()
    except GraftlineError as error:
        return end(f"error: {error}", error.exit_code)
    except (Stopped, KeyboardInterrupt):
        return end(f"Stopped. The same command {next_time}.", RESUMABLE)
    except BaseException as error:
        # Prefect's, which is not imported where no flow ran.
        if type(error).__name__ != "TerminationSignal":
            raise
        return end(f"Stopped. The same command {next_time}.", RESUMABLE)


class Ended(Exception):
    """Why a flow failed: Prefect raises it where a worker ran the flow, so that the log ends with these words."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


def failed(name: str, message: str, code: int) -> "State[Any]":
    """The state of a flow whose command ends with `code`."""
    from prefect.states import Failed

    return Failed(name=name, message=message, data=Ended(f"{name}: {message}", code))


def code_of(state: "State[Any]") -> int:  # a flow that returns a state is typed as a state of it
    """The exit code that a flow's state holds; 1 where it holds none."""
    data = state.result(raise_on_failure=False)
    if isinstance(data, Ended):
        return data.code
    return data if isinstance(data, int) else 1


def end(message: str, code: int) -> int:
    """Say `message` on stderr → `code`."""
    sys.stderr.write(f"{message}\n")
    return code
