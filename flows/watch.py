"""The Prefect flow of monitoring: look at a window, and raise one alarm where it drifts. No machine learning here."""

from collections.abc import Mapping
from pathlib import Path

from prefect import State, flow, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.states import Completed

from components.ending import as_graftline_error
from components.errors import GraftlineError
from components.params import Params, load_params
from components.params.watching import Look, read_look
from components.stages.monitor import Found, monitor
from components.storage.home import home
from components.storage.publish import write_bytes
from flows.alarm import raise_alarm
from flows.command import failed_by
from flows.dates import dated, due
from flows.drift import headline, markdown
from flows.notify import News, tell

DRIFT = 4  # what the command ends with


# As in flows.pipeline, neither Prefect's cache nor its results are used.
@task(name="look", cache_policy=NO_CACHE, persist_result=False)
def look_at_window(root: Path, params: Params, look: Look) -> Found:
    return monitor(root, params, look)


@task(name="alarm", cache_policy=NO_CACHE, persist_result=False)
def alarm(root: Path, params: Params, found: Found) -> str:
    return raise_alarm(root, params, found)


@flow(name="graftline-monitor", persist_result=False, validate_parameters=False)
def watch(look: Mapping[str, object], root: str = ".", timed: bool = False) -> State[int]:
    """Compare the window of `look` (the fields of components.params.watching.Look) in the workspace `root`.

    With `timed`, the signs of strftime in its `input`, `scored` and `labels` stand for the scheduled start, in UTC.
    Ends Completed, named Drift where one was seen, whose event was then sent; or Failed by the error's name, which
    people are told. `code_of` gives the exit code.
    """
    folder, params = Path(root).resolve(), None
    try:
        params = load_params(folder / "params.yaml")
        asked = read_look(_timed(look) if timed else look)
        found = look_at_window(folder, params, asked)
        create_markdown_artifact(markdown(found), key="drift", description="The window and its tests")
        said = [headline(found), alarm(folder, params, found), f"Page: {found.page}"]
        name, code = ("Drift", DRIFT) if found.alarm else ("Completed", 0)
        _told(folder, params).unlink(missing_ok=True)
        return Completed(name=name, message=" ".join(filter(None, said)), data=code)
    except Exception as error:
        wrong = as_graftline_error(error)
        if params is not None:
            _tell(folder, params, wrong)
        return failed_by(wrong)


def _timed(look: Mapping[str, object]) -> dict[str, object]:
    when, names = due(), ("input", "scored", "labels")
    return {**look, **{key: dated(str(look[key]), when) for key in names if look.get(key)}}


def _tell(root: Path, params: Params, error: GraftlineError) -> None:
    """Once, until a look succeeds or fails otherwise: an hourly one would say the same every hour."""
    name, kept = type(error).__name__, _told(root, params)
    if kept.exists() and kept.read_text() == name:
        return
    news = News(params.tracking.model, "failed", name, str(error), because="monitoring")
    if tell(params.notify, news):
        write_bytes(kept, name.encode())


def _told(root: Path, params: Params) -> Path:
    return home(root) / "monitoring" / params.tracking.model / "told"
