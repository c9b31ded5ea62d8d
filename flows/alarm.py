"""What follows a drift: one event to Prefect, on which an automation starts the training; or a word on what to do.

The event is `graftline.drift`; its resource `graftline.line.<model>`, its payload the window's id, the adjusted
p-values and where the page is. A window has one event, whatever is repeated: its record lies in
`.graftline/monitoring/<model>/alarms`, and its number follows from the window, so that a server takes a second one,
sent after a kill, for the first. What it starts asks `may_train` first, whose answer is yes for one run only.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from components.monitoring.alarms import Alarms
from components.params import Params
from flows.automations import DRIFT, WINDOW

if TYPE_CHECKING:
    from components.stages.monitor import Found

EVENT = DRIFT
RESOURCE = "graftline.line.{model}"
TRAIN = "train"


def raise_alarm(root: Path, params: Params, found: "Found") -> str:
    """Emit the event of `found`, once; what happened, in words. Nothing where no test raised an alarm."""
    if not found.alarm:
        return ""
    from prefect.settings import PREFECT_API_URL

    if not PREFECT_API_URL.value():
        return "No Prefect server is named (PREFECT_API_URL), so nothing starts by itself. Run: python -m flows.train"
    alarms = Alarms(root, params.tracking.model)
    if alarms.once(EVENT, found.window, lambda: _emit(params, found, alarms)):
        return f"The event {EVENT} was sent."
    return "The event of this window was sent before."


def may_train(root: Path, model: str, window: str, run: str) -> bool:
    """Whether the run `run` is the one that trains for `window`: the first one that asks, and when it asks again."""
    return Alarms(root, model).claim(TRAIN, window, run)


def _emit(params: Params, found: "Found", alarms: Alarms) -> dict[str, object]:
    """Raises GraftlineError where the event cannot be delivered; then there is no record."""
    from prefect.events import emit_event
    from prefect.events.worker import EventsWorker

    from components.errors import GraftlineError

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
    number = alarms.number(EVENT, found.window)
    sent = emit_event(event=EVENT, resource=resource, payload=payload, id=number)
    if sent is None:
        raise GraftlineError("Prefect takes no events here.", "Check PREFECT_API_URL, and look again.")
    EventsWorker.drain_all(timeout=10.0)
    return {"event": str(number), **payload}
