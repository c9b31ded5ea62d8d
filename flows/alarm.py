"""What follows a drift: one event to Prefect, on which an automation starts the training; or a word on what to do.

The event is `graftline.drift`; its resource `graftline.line.<model>`, labelled with the window's id, its payload the
adjusted p-values and where the page is. A window has one event, whatever is repeated: its record lies in
`.graftline/monitoring/<model>/alarms`, and its number follows from the window, so that a server takes a second one,
sent after a kill, for the first. The run that it starts keeps a record there, too: a window is trained for once.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from components.errors import GraftlineError
from components.monitoring.alarms import Alarms
from components.params import Params
from flows.handover import DRIFT, WINDOW, by_hand

if TYPE_CHECKING:
    from prefect.events.schemas.events import Event

    from components.stages.monitor import Found

RESOURCE = "graftline.line.{model}"
TRAIN = "train"


def raise_alarm(root: Path, params: Params, found: "Found") -> str:
    """Emit the event of `found`, once; what happened, in words. Nothing where no test raised an alarm."""
    if not found.alarm:
        return ""
    from prefect.settings import PREFECT_API_URL

    if not PREFECT_API_URL.value():
        said = "No Prefect server is named (PREFECT_API_URL), so nothing starts by itself."
        return f"{said} {by_hand(found.window)}"
    alarms = Alarms(root, params.tracking.model)
    if alarms.once(DRIFT, found.window, lambda: _emit(params, found, alarms)):
        return f"The event {DRIFT} was sent."
    return "The event of this window was sent before."


def trained_for(root: Path, model: str, window: str) -> Mapping[str, object] | None:
    """The run that was trained and judged because `window` drifted; none where none was, or one was stopped."""
    return Alarms(root, model).found(TRAIN, window)


def keep_trained(root: Path, model: str, window: str, run: Mapping[str, object]) -> None:
    """That `run` was trained and judged because `window` drifted."""
    Alarms(root, model).once(TRAIN, window, lambda: dict(run))


def _emit(params: Params, found: "Found", alarms: Alarms) -> dict[str, object]:
    """Raises GraftlineError where the event cannot be delivered; then there is no record."""
    from prefect.events.schemas.events import Event

    payload: dict[str, object] = {
        "window": found.window,
        "version": found.facts["version"],
        "p_values": {test.name: test.adjusted for test in found.tests},
        "drifted": [test.name for test in found.tests if test.alarm],
        "page": str(found.page),
    }
    model = params.tracking.model
    resource = {
        "prefect.resource.id": RESOURCE.format(model=model),
        "prefect.resource.name": model,
        WINDOW: found.window,  # by it the automation knows two events of one window
    }
    number = alarms.number(DRIFT, found.window)
    fields = {"event": DRIFT, "resource": resource, "payload": payload, "id": number, "related": _run()}
    _post(Event.model_validate({"occurred": datetime.now(UTC), **fields}))
    return {"event": str(number), **payload}


def _post(event: "Event") -> None:
    """In one request that is answered: Prefect's emit_event hands it to a thread, which nobody can ask."""
    import httpx
    from prefect.client.orchestration import get_client

    try:
        with get_client(sync_client=True) as client:
            client.request("POST", "/events", json=[event.model_dump(mode="json")])
    except httpx.HTTPError as error:
        raise GraftlineError(
            f"Prefect did not take the event {DRIFT} ({type(error).__name__}).",
            "Check PREFECT_API_URL, and look again: the event is sent then.",
        ) from None


def _run() -> list[dict[str, str]]:
    """The flow run that looked, so that Prefect shows the two together."""
    from prefect.runtime import flow_run

    named = {"prefect.resource.id": f"prefect.flow-run.{flow_run.id}", "prefect.resource.role": "flow-run"}
    return [named] if flow_run.id else []
