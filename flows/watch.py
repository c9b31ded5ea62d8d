"""The Prefect flow of monitoring: look at a window, and raise one alarm where it drifts. No machine learning here."""

from collections.abc import Mapping
from pathlib import Path

from prefect import State, flow, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.states import Completed, Failed

from components.errors import GraftlineError
from components.params import Params, load_params
from components.params.watching import Look, read_look
from components.stages.monitor import Found, monitor
from flows.alarm import raise_alarm
from flows.batch import of_the_machine
from flows.drift import headline, markdown
from flows.engine import exit_code

DRIFT = 4  # what the command ends with


# As in flows.pipeline, neither Prefect's cache nor its results are used.
@task(name="look", cache_policy=NO_CACHE, persist_result=False)
def look_at_window(root: Path, params: Params, look: Look) -> Found:
    return monitor(root, params, look)


@task(name="alarm", cache_policy=NO_CACHE, persist_result=False)
def alarm(root: Path, params: Params, found: Found) -> str:
    return raise_alarm(root, params, found)


@flow(name="graftline-monitor", persist_result=False, validate_parameters=False)
def watch(look: Mapping[str, object], root: str = ".") -> State[int]:
    """Compare the window of `look` (the fields of components.params.watching.Look) in the workspace `root`.

    Ends Completed, named Drift where one was seen, whose event was then sent; or Failed by the error's name. The
    state's data is the exit code.
    """
    folder = Path(root).resolve()
    try:
        asked = read_look(look)
        params = load_params(folder / "params.yaml")
        found = look_at_window(folder, params, asked)
        create_markdown_artifact(markdown(found), key="drift", description="The window and its tests")
        said = " ".join(words for words in (headline(found), alarm(folder, params, found)) if words)
        name, code = ("Drift", DRIFT) if found.alarm else ("Completed", 0)
        return Completed(name=name, message=said, data=code)
    except (GraftlineError, OSError, MemoryError) as error:
        known = error if isinstance(error, GraftlineError) else of_the_machine(error)
        return Failed(name=type(known).__name__, message=str(known), data=exit_code(known))
